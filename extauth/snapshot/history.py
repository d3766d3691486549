"""History of activations and refusals: `history.jsonl`, an entry on each line, oldest first.

The file keeps the newest `KEPT` entries; numbers go on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Literal

import msgspec

from extauth.errors import StackError
from extauth.storage.state import write_secret

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 1000
_HEAD_BYTES = 32

How = Literal["start", "apply", "rollback", "watch", "pull"]


class HistoryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An activation, or an attempt that was refused for `reason`.

    `sequence` is one higher in each entry, `time` Unix seconds. `digest` and `revision` are the
    snapshot's and its policies', None where nothing compiled; `previous` is the snapshot that was
    active before, None on a first start.
    """

    sequence: int
    time: float
    how: How
    digest: str | None = None
    revision: str | None = None
    previous: str | None = None
    result: Literal["activated", "refused"] = "activated"
    reason: str | None = None


class History:
    """The history of one state directory. To append, hold the lock of the switch.

    Only `refusals` keeps state between two calls: call it from one thread.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._refusals = Refusals()

    def entries(self) -> tuple[HistoryEntry, ...]:
        """Return all entries. Raises StackError, with the line, when the file is damaged."""
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StackError(f"cannot read {self._file}: {error.strerror}") from None
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(msgspec.json.decode(line, type=HistoryEntry))
            except msgspec.MsgspecError:
                raise StackError(
                    f"{self._file}:{number}: not an entry; remove the line, or the file"
                ) from None
        return tuple(found)

    def append(self, entry: HistoryEntry) -> None:
        """Write one entry, durably, readable by the owner alone. Raises StackError.

        Where there are `KEPT` already, the oldest make room: the file is replaced in one step.
        """
        line = msgspec.json.encode(entry) + b"\n"
        try:
            if len(kept := self._lines()) >= KEPT:
                newest = b"".join([*kept[-KEPT + 1 :], line])
                write_secret(self._file, newest.decode("utf-8", "replace"))
                return
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StackError(f"cannot write {self._file}: {error.strerror}") from None

    @property
    def next(self) -> int:
        """The sequence number of the next entry."""
        entries = self.entries()
        return entries[-1].sequence + 1 if entries else 1

    def refusals(self) -> int:
        """Return the number of refusals that this object has seen, since its first call.

        Reads what was appended since the last call. Entries that can't be read don't count.
        """
        try:
            with self._file.open("rb") as file:
                self._refusals.follow(file)
        except OSError:
            pass
        return self._refusals.count

    def _lines(self) -> list[bytes]:
        try:
            return self._file.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []


class Refusals:
    """Counter of refusals in a file that grows, and is replaced by its newest entries at times."""

    def __init__(self) -> None:
        self.count = 0
        self._sequence = 0
        self._head = b""
        self._offset = 0

    def follow(self, file: BinaryIO) -> None:
        """Count what is new. Raises OSError."""
        # The oldest entry's number is in it, so that another one is another file.
        head = file.read(_HEAD_BYTES)
        if head != self._head:
            self._head, self._offset = head, 0
        file.seek(self._offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            self._offset += len(line)
            try:
                entry = msgspec.json.decode(line, type=HistoryEntry)
            except msgspec.MsgspecError:
                continue
            if entry.sequence > self._sequence:
                self._sequence = entry.sequence
                self.count += entry.result == "refused"


def refused_last(entries: tuple[HistoryEntry, ...]) -> HistoryEntry | None:
    """Return the last entry if it is a refusal: then what was wanted is not active."""
    return entries[-1] if entries and entries[-1].result == "refused" else None
