"""What the request side hands to the response side: data, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.privacy import Masker
    from extauth.protocol import ResponseCodec, UpstreamRequest
    from extauth.tokens import LanguageModel
    from extauth.types import LimitState, Route, Usage


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What was decided, ready to be sent, and what its answer needs.

    `worst_case` is what was reserved.
    """

    route: Route
    model: LanguageModel
    request: UpstreamRequest
    codec: ResponseCodec
    worst_case: Usage
    limits: tuple[LimitState, ...]
    masker: Masker | None
