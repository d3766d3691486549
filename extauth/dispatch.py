"""What the request side hands to the response side: data, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from extauth.privacy import Masker
    from extauth.protocol import ResponseCodec, UpstreamRequest
    from extauth.settings import Price
    from extauth.tokens import LanguageModel
    from extauth.types import LimitState, Route, Usage


class Dispatch(msgspec.Struct, frozen=True):
    """What was decided, ready to be sent, and what its answer needs.

    `worst_case` is what was reserved, `price` what the tokens cost.
    """

    route: Route
    model: LanguageModel
    request: UpstreamRequest
    codec: ResponseCodec
    worst_case: Usage
    limits: tuple[LimitState, ...]
    masker: Masker | None
    price: Price
