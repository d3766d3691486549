"""Server-sent events: a stream of bytes to the data of its events, as it arrives.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, without
what only a browser does: an event's type and id, and `retry`, are read over, since the formats
read here say everything in their data. Data are bytes, to be decoded by whoever parses them.
"""

from __future__ import annotations

from typing import Final

from extauth.errors import BackendError

MAX_EVENT: Final = 1 << 20
"""Bytes of one event. A single one is a few tokens; this only keeps a broken server from filling
the memory."""

_BOM: Final = b"\xef\xbb\xbf"
_FIELD: Final = b"data: "
_TAKEN: Final = len(_FIELD)


class EventStream:
    """Cuts one stream into the data of its events. Not to be shared.

    An event without data is none, and one that no blank line ended is discarded.
    """

    __slots__ = ("_after_cr", "_begun", "_data", "_line", "_size")

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._begun = False

    @property
    def partial(self) -> bool:
        """True if an event has begun and not ended."""
        return bool(self._line or self._data)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of each event that `chunk` completes.

        Raises BackendError for an event of more than `MAX_EVENT` bytes.
        """
        if (
            chunk.endswith(b"\n\n")
            and b"\r" not in chunk
            and not (self._line or self._data or self._after_cr)
        ):
            self._begun = self._begun or chunk.startswith(_FIELD)
            # As most servers write: an event a chunk and a line an event.
            if chunk.startswith(_FIELD) and chunk.count(b"\n") == 2:
                return [chunk[_TAKEN:-2]]
            events = chunk[:-2].split(b"\n\n")
            if all(event.startswith(_FIELD) and b"\n" not in event for event in events):
                return [event[_TAKEN:] for event in events]
        return self._read(chunk)

    def _read(self, chunk: bytes) -> list[bytes]:
        if not chunk:
            return []
        if self._after_cr and chunk[0] == 0x0A:
            chunk = chunk[1:]
            self._after_cr = False
            if not chunk:
                return []
        self._after_cr = chunk.endswith(b"\r")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._line += chunk
            self._check(len(self._line))
            return []
        lines = bytes(self._line + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._line = bytearray(lines.pop())
        found: list[bytes] = []
        for line in lines:
            if not self._begun:
                self._begun = True
                line = line.removeprefix(_BOM)  # noqa: PLW2901
            if line:
                self._take(line)
            elif self._data:
                found.append(b"\n".join(self._data))
                self._data = []
                self._size = 0
        self._check(len(self._line))
        return found

    def _take(self, line: bytes) -> None:
        """Read a line that is not blank: a field, or a comment."""
        name, _, value = line.partition(b":")
        if name == b"data":
            self._size += len(line) + 1
            self._check(0)
            self._data.append(value.removeprefix(b" "))

    def _check(self, line: int) -> None:
        if self._size + line > MAX_EVENT:
            raise BackendError("The model's answer holds an event that is too large.")
