"""Pseudonyms of erased persons, and their substitution for the names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILLER = "*"


class Pseudonyms:
    """Replaces whole names in texts: `acme/ada` does not match in `acme/adam`. Immutable."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names` maps each old name to its replacement."""
        self.names = dict(names)
        # Also as keys of limits have them: see `key_part`.
        self._new = {name.replace("|", "||"): new for name, new in names.items()} | self.names
        self._names = _whole(self._new)
        # Also in the form that JSON escapes them into.
        quoted = {json.dumps(name, ensure_ascii=False)[1:-1] for name in self._new}
        self._written = _whole(quoted | set(self._new))

    def of(self, text: str) -> str:
        """Return `text` with the names replaced."""
        return self._names.sub(lambda match: self._new[match[0]], text)

    def deeply(self, value: object) -> object:
        """Return a JSON value with the names replaced in all of its texts and object keys."""
        if isinstance(value, str):
            return self.of(value)
        if isinstance(value, dict):
            return {self.of(key): self.deeply(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.deeply(each) for each in value]
        return value

    def stand_in(self, data: bytes) -> bool:
        """Return whether a name occurs in these bytes of text or JSON."""
        return self._written.search(data.decode(errors="surrogateescape")) is not None

    def blotted(self, data: bytes) -> bytes:
        """Return the bytes with every name overwritten, at the same length."""
        text = data.decode(errors="surrogateescape")
        text = self._written.sub(lambda match: _FILLER * len(match[0].encode()), text)
        return text.encode(errors="surrogateescape")


def _whole(names: Mapping[str, str] | set[str]) -> re.Pattern[str]:
    """Return a pattern of whole names, the longest first; without names, one that never matches."""
    if not names:
        return re.compile(r"(?!)")
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(
        rf"(?<![\w.@/-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w@/-]|\.\w)"
    )
