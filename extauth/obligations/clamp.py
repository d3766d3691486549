"""`clamp`: a shorter answer rather than none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

if TYPE_CHECKING:
    from extauth.obligations.draft import D


class Clamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="clamp"):
    """Lower the request's `max_tokens` to at most this. Never raises it; the lowest wins."""

    label: ClassVar[str] = "clamp"

    max_tokens: Annotated[
        int, msgspec.Meta(ge=1, description="The most tokens that one choice may have.")
    ]

    def __str__(self) -> str:
        return str(self.max_tokens)

    def enforce(self, draft: D) -> D:
        """Lower the bound on a choice's tokens."""
        return draft.bounded(self.max_tokens)
