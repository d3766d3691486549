"""What was activated and refused, when and how: `history.jsonl`, an entry a line, oldest first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

How = Literal["start", "apply", "rollback", "watch", "pull"]


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One activation, or one that was refused for `reason`.

    `sequence` is one higher in each entry, `time` Unix seconds. `digest` and `revision` are the
    snapshot's and its policies', None where it did not even compile; `previous` is the snapshot
    that was active before, None on a first start.
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
    """The history of one state directory. Whoever appends holds the lock of the switch."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def entries(self) -> tuple[Entry, ...]:
        """All of it. Raises StackError, with the line, when the file is damaged."""
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StackError(f"cannot read {self._file}: {error.strerror}") from None
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(msgspec.json.decode(line, type=Entry))
            except msgspec.MsgspecError:
                raise StackError(
                    f"{self._file}:{number}: not an entry; remove the line, or the file"
                ) from None
        return tuple(found)

    def append(self, entry: Entry) -> None:
        """Write one entry, durably, readable by the owner alone. Raises StackError."""
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, msgspec.json.encode(entry) + b"\n")
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
        """How many were refused; 0 when that can't be read."""
        try:
            return sum(entry.result == "refused" for entry in self.entries())
        except StackError:
            return 0


def refused_last(entries: tuple[Entry, ...]) -> Entry | None:
    """The last entry, if it is a refusal: what was wanted is not what is active."""
    return entries[-1] if entries and entries[-1].result == "refused" else None
