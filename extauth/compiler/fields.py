"""A document's values by their place: read, resolved, held to their range."""

from __future__ import annotations

import re
import stat
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from extauth.compiler.url import Origin
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.compiler.document import Document

_LONGEST = 3650 * 86_400
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_DURATIONS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]+)")


class Fields:
    """Reads values of a document that its schema has passed. Paths are relative to its file.

    Every method raises ConfigurationError with the value's line.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._base = document.file.resolve().parent

    def error(self, place: Sequence[str | int], message: str) -> ConfigurationError:
        """Return the error of the value at `place`."""
        return self._document.error(place, message)

    def at(self, *place: str | int) -> Any:
        """The value at `place`; None if its last key is missing."""
        value: Any = self._document.value
        for key in place[:-1]:
            value = value[key]
        last = place[-1]
        return value.get(last) if isinstance(last, str) else value[last]

    def size(self, *place: str | int, least: int = 1, most: int) -> int:
        """Bytes."""
        text = str(self.at(*place))
        if not least <= (found := size(text)) <= most:
            raise self.error(place, f"{text} is out of range; expected {least} to {most} bytes")
        return found

    def duration(self, *place: str | int, least: float = 0.001) -> float:
        """Seconds."""
        text = str(self.at(*place))
        if not least <= (found := duration(text)) <= _LONGEST:
            days = _LONGEST // 86_400
            raise self.error(place, f"{text} is out of range; expected {least:g}s to {days}d")
        return found

    def address(self, *place: str | int) -> str:
        """An IP address."""
        text = str(self.at(*place))
        try:
            ip_address(text)
        except ValueError:
            raise self.error(place, f"{text} is not an IP address") from None
        return text

    def url(self, *place: str | int) -> str | None:
        """A server's URL, if there is one."""
        url = self.at(*place)
        if url is None:
            return None
        try:
            Origin.parse(url)
        except ConfigurationError as error:
            raise self.error(place, error.message) from None
        return str(url)

    def file(self, *place: str | int) -> Path:
        """A file that exists."""
        path = self._base / str(self.at(*place))
        if not path.is_file():
            raise self.error(place, f"there is no file {path}")
        return path

    def secret(self, *place: str | int) -> Path:
        """A file that only its owner can read."""
        file = self.file(*place)
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise self.error(place, f"others can read {file}; chmod 600 it")
        return file

    def directory(self, *place: str | int) -> Path:
        """A directory that exists."""
        path = self._base / str(self.at(*place))
        if not path.is_dir():
            raise self.error(place, f"there is no directory {path}")
        return path


def size(text: str) -> int:
    """Return bytes: `32KiB` is 32768. The schema has checked the form."""
    number, unit = _split(text)
    return int(number * _SIZES[unit])


def duration(text: str) -> float:
    """Return seconds: `250ms` is 0.25. The schema has checked the form."""
    number, unit = _split(text)
    return number * _DURATIONS[unit]


def _split(text: str) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1]), match[2]
