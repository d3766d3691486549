"""Originals back into what a model answered, whole or in pieces."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SLACK = 8
_SQUEEZE = str.maketrans("", "", " \\")


def canonical(text: str) -> str:
    """What of a placeholder's spelling counts: not case, not spaces, not markdown's escapes."""
    return text.translate(_SQUEEZE).casefold()


def put_back(text: str, originals: Mapping[str, str], longest: int) -> str:
    """`text` with its placeholders replaced: `Restorer.restore`, for a growing table.

    `longest` is the length of the longest key of `originals`.
    """
    if not originals or "[" not in text:
        return text
    pieces = text.split("[")
    for at in range(1, len(pieces)):
        piece = pieces[at]
        close = piece.find("]", 0, longest + _SLACK + 1)
        original = originals.get(canonical(piece[:close])) if close > 0 else None
        pieces[at] = "[" + piece if original is None else original + piece[close + 1 :]
    return "".join(pieces)


class Restorer:
    """Replaces the placeholders of one request by their originals.

    `originals` maps what stands between a placeholder's brackets, in canonical form, to the
    original. Immutable; holds originals, so it shows none of them and lives as long as its request.
    """

    __slots__ = ("_keys", "_longest", "_originals")

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._originals = dict(originals)
        self._keys = sorted(self._originals)
        self._longest = max(map(len, self._keys), default=0)

    def __repr__(self) -> str:
        return f"Restorer({len(self._keys)} placeholders)"

    @property
    def bound(self) -> int:
        """How many characters a stream may hold back: the longest placeholder's and 7 more.

        The latter leave room for spaces and backslashes that a model puts inside.
        """
        return self._longest + _SLACK + 1

    def restore(self, text: str) -> str:
        """`text` with its placeholders replaced, in linear time.

        Upper and lower case, inner spaces and backslashes do not matter. What only looks like a
        placeholder of this request stays as it is, and originals are not searched again.
        """
        return put_back(text, self._originals, self._longest)

    def unfinished(self, text: str) -> int:
        """Where the end of `text` could still become a placeholder; its length if it could not."""
        start = text.rfind("[", max(0, len(text) - self.bound))
        if start >= 0:
            prefix = canonical(text[start + 1 :])
            at = bisect_left(self._keys, prefix)
            if at < len(self._keys) and self._keys[at].startswith(prefix):
                return start
        return len(text)


class StreamRestorer:
    """Restores a text that arrives in pieces; one for each choice of an answer.

    All that it gave back, joined, is what `Restorer.restore` makes of all that it was fed,
    wherever the pieces were cut. Holds back `Restorer.bound` characters at most, and only what
    could still become a placeholder. Belongs to one task.
    """

    __slots__ = ("_held", "_restorer")

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer
        self._held = ""

    def feed(self, delta: str) -> str:
        """Take the next piece; give what is certain by now, perhaps nothing."""
        if not self._held and "[" not in delta:
            return delta
        text = self._held + delta
        end = self._restorer.unfinished(text)
        self._held = text[end:]
        return self._restorer.restore(text[:end])

    def finish(self) -> str:
        """The stream has ended: give what was held back. Calling it again gives nothing."""
        held, self._held = self._held, ""
        return held
