"""The hand-over from the request side to the response side: data, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.backends import AnswerReader, UpstreamRequest
    from extauth.clients import AnswerWriter
    from extauth.content.privacy import Detector, Masker
    from extauth.gateway.answered import Answered
    from extauth.obligations import AnswerGuard, Route, Treatment
    from extauth.settings import Price
    from extauth.tokens import LanguageModel
    from extauth.types import LimitState, Usage


class Dispatched(msgspec.Struct, frozen=True):
    """A request that is decided, reserved and ready to be sent, with all that its answer needs.

    `worst_case` is what was reserved, `price` what the tokens cost, `settlement` whose count of
    them is charged where the backend counts too; None is the larger. `unseen` tokens at most are
    in an answer that a stop string ended and not in its text. `answers` says how findings of
    which kinds in the answer are to be treated, which `detector` looks for, and `guards` what
    of its links. With `answered` it needs no backend.
    """

    route: Route
    model: LanguageModel
    request: UpstreamRequest
    reader: AnswerReader
    writer: AnswerWriter
    worst_case: Usage
    limits: tuple[LimitState, ...]
    dropped_turns: int
    masker: Masker
    price: Price
    detector: Detector
    answers: Mapping[str, Treatment]
    guards: tuple[AnswerGuard, ...]
    settlement: Literal["larger", "backend"] | None = None
    unseen: int = 0
    answered: Answered | None = None
