"""`settle`: the count of tokens that is charged, where the backend counts them too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from extauth.obligations.draft import D


class Settle(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="settle"
):
    """Charge the backend's count where it reports one, or the larger of that and the gateway's."""

    label: ClassVar[str] = "settle"

    by: Annotated[
        Literal["larger", "backend"],
        msgspec.Meta(
            description="larger: the larger of the gateway's count and the backend's, as without "
            "this obligation. backend: the backend's count, or the gateway's if the backend "
            "reports none."
        ),
    ]

    def __str__(self) -> str:
        return f"by {self.by}"

    def enforce(self, draft: D) -> D:
        """Charge by this. Of several the larger count wins, as it does without any."""
        if draft.settlement is not None and "larger" in (draft.settlement, self.by):
            return replace(draft, settlement="larger")
        return replace(draft, settlement=self.by)
