"""The hand-over from the request side to the response side: data, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.types import Delta, Usage
from extauth.types.call import Completion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.backends import AnswerReader, UpstreamRequest
    from extauth.clients import AnswerWriter
    from extauth.content.privacy import Detector, Masker
    from extauth.gateway.runtime import Draft
    from extauth.obligations import AnswerGuard, Route, Treatment
    from extauth.settings import Price
    from extauth.tokens import LanguageModel
    from extauth.types import LimitState


class Answered(msgspec.Struct, frozen=True):
    """An answer in the place of the model's, and the usage that is charged and told for it."""

    deltas: tuple[Delta, ...]
    usage: Usage


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


def answered(draft: Draft) -> Answered | None:
    """Return the answer to a request that no model needs to see; None for any other.

    OpenAI's completions may ask for no tokens at all (`max_tokens` is 0), which model servers
    refuse. Nothing is read and nothing written, so nothing is charged but the request.
    """
    if not isinstance(draft.call, Completion) or draft.max_tokens > 0:
        return None
    choices = range(draft.call.parameters.n)
    return Answered(tuple([Delta(index, "", "length") for index in choices]), Usage())
