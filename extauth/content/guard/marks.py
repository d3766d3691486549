"""A filter of tags, targets and style sheets that name a host which is not on a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from extauth.content.markup import AddressReader
from extauth.content.openings import Openings, no_domain

if TYPE_CHECKING:
    from extauth.content.address import Addresses

MOST: Final = 2048
"""Characters of an attribute, a target or a style sheet that are held back and judged together."""

_KEPT = 128
_BEGINNING = re.compile(r"[^=]*=\s*[\"']?|\s*<?")


class MarkFilter:
    """Removes what a browser could fetch from a host that `addresses` doesn't allow.

    Every form that browsers and Markdown libraries accept is read, such as `//host`, references and
    escapes for characters, and tabs and line ends between them; text and code that are no markup
    stay. Holds back the attribute, the target or the style sheet that is open, at most `MOST`
    characters. The output, joined, is the same however the text was cut. Belongs to one task.
    """

    __slots__ = ("_held", "_openings", "_reader", "_region", "_removed", "found")

    def __init__(self, addresses: Addresses, removed: str) -> None:
        self._openings = Openings(addresses.allows)
        self._reader = AddressReader(no_domain)
        self._removed = removed
        self._region = 0
        self._held = ""
        self.found = False
        """True once something was removed."""

    def feed(self, text: str) -> str:
        """Take the next piece; return the text that is certain by now, perhaps nothing."""
        told: list[str] = []
        at = 0
        while at < len(text):
            end = self._reader.skip(text, at)
            if end == at:
                end = at + 1
                self._reader.step(text[at])
            self._go_on(text[at:end], told)
            at = end
        return "".join(told)

    def finish(self) -> str:
        """End the text; return what was held back. Calling it again returns nothing."""
        return self._released()

    def _go_on(self, piece: str, told: list[str]) -> None:
        region = self._reader.region
        if region != self._region:
            if region == 0:
                # What ends a region is judged with it: a style's end is at most a few characters.
                self._held += piece
                piece = ""
            told.append(self._released())
            self._region = region
        if region == 0:
            told.append(piece)
            return
        self._held += piece
        while len(self._held) >= MOST:
            head, self._held = self._held[:MOST], self._held[MOST:]
            # A reference with zeros in front may be longer than what is kept.
            if "&#0" in head or self._openings.told(head):
                self.found = True
                told.append(self._removed)
            else:
                self._held = head[-_KEPT:] + self._held
                told.append(head[:-_KEPT])

    def _released(self) -> str:
        held, self._held = self._held, ""
        if not held or not self._openings.told(held):
            return held
        self.found = True
        beginning = _BEGINNING.match(held)
        kept = beginning.end() if beginning else 0
        end = held[-1] if held[-1] in "\"')>" else ""
        return held[:kept] + self._removed + end
