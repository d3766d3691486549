"""Other names for an erased person, wherever the old ones stand."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILLER = "*"


class Pseudonyms:
    """Replaces names in texts, as whole names only: `acme/ada` is not in `acme/adam`. Immutable."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names` are the old ones with what takes their place."""
        self.names = dict(names)
        self._names = _whole(self.names)
        # As JSON writes them, too.
        quoted = {json.dumps(name, ensure_ascii=False)[1:-1] for name in self.names}
        self._written = _whole(quoted | set(self.names))

    def of(self, text: str) -> str:
        """The text with the names replaced."""
        return self._names.sub(lambda match: self.names[match[0]], text)

    def deeply(self, value: object) -> object:
        """The same for every text in a JSON value, the keys of its objects too."""
        if isinstance(value, str):
            return self.of(value)
        if isinstance(value, dict):
            return {self.of(key): self.deeply(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.deeply(each) for each in value]
        return value

    def stand_in(self, data: bytes) -> bool:
        """Whether one of the names is in what was written as text or JSON."""
        return self._written.search(data.decode(errors="surrogateescape")) is not None

    def blotted(self, data: bytes) -> bytes:
        """The same bytes with every name overwritten, and just as many."""
        text = data.decode(errors="surrogateescape")
        text = self._written.sub(lambda match: _FILLER * len(match[0].encode()), text)
        return text.encode(errors="surrogateescape")


def _whole(names: Mapping[str, str] | set[str]) -> re.Pattern[str]:
    """Finds whole names, the longest first; nothing where there are none."""
    if not names:
        return re.compile(r"(?!)")
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(
        rf"(?<![\w.@/-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w@/-]|\.\w)"
    )
