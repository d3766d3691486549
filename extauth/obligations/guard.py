"""`guard`: links that could carry data out of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from extauth.obligations.draft import D


class AnswerGuard(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="guard"
):
    """Strip links that could carry data out of an answer, or block an answer that has one."""

    label: ClassVar[str] = "guard"

    links: Annotated[
        Literal["strip", "block"],
        msgspec.Meta(description="strip: the links are removed. block: the answer is refused."),
    ]
    allowed_domains: Annotated[
        tuple[Annotated[str, msgspec.Meta(description="A domain.")], ...],
        msgspec.Meta(
            description="If any are given: every link to a host outside these domains and their "
            "subdomains. If none: images that have a query, and addresses that carry more than "
            "an address needs. What was masked is put back into addresses of these domains alone."
        ),
    ]

    def __str__(self) -> str:
        return f"links {self.links}"

    def enforce(self, draft: D) -> D:
        """Look at the answer's links by this too."""
        return replace(draft, guards=(*draft.guards, self))
