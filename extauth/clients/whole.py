"""What calls have in common of which no part can be left out: all but chats."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from typing import Self


class WholeCall(msgspec.Struct, frozen=True):
    """The part of `protocol.call.Call` that such calls share."""

    @abstractmethod
    def texts(self) -> list[str]:
        """As `Call.texts`."""

    @property
    def given_ids(self) -> int:
        """None: the model reads text."""
        return 0

    def turns(self) -> list[int | None]:
        """None, all of them: nothing can be left out."""
        return [None] * len(self.texts())

    def without(self, _: int) -> Self:
        """Itself."""
        return self
