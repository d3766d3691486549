"""The journal: numbered files beside the ledger, one line for each entry, in their order.

An append is one write(2) of some hundred bytes into the page cache and takes about a microsecond;
handing it to a thread would take a hundred, so the event loop writes. A written entry survives the
death of the process. A file is removed once it is added to the sums.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import StackError
from extauth.ledger.entry import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from extauth.ledger.entry import JournalEntry

_SUFFIX = ".jsonl"


def journal_of(ledger: Path) -> Path:
    """Return the directory of the journal that belongs to a ledger's SQLite file."""
    return ledger.with_suffix(".journal")


class Journal:
    """Appends to the newest file. `append` and `turn` are for one thread, `drop` for any."""

    def __init__(self, directory: Path, number: int) -> None:
        """Begin file `number`. Raises StackError when the directory can't be used."""
        self._directory = directory
        self._number = number
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            self._file = self._open()
        except OSError as error:
            raise StackError(f"{directory}: can't be written: {error.strerror}") from None

    def append(self, entries: Iterable[JournalEntry]) -> None:
        """Write all of the entries or none. Raises OSError when the disk refuses."""
        lines = b"".join([encode(entry) + b"\n" for entry in entries])
        written = os.write(self._file, lines)
        if written < len(lines):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def turn(self) -> int:
        """Start the next file; return the number of the one that is complete. Raises OSError."""
        self._number += 1
        try:
            following = self._open()
        except OSError:
            self._number -= 1
            raise
        os.close(self._file)
        self._file = following
        return self._number - 1

    def drop(self, number: int) -> None:
        """Remove the files up to this number, once they are in the sums."""
        for found, file in _files(self._directory):
            if found <= number:
                file.unlink()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _open(self) -> int:
        file = self._directory / f"{self._number:010d}{_SUFFIX}"
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def has_files(directory: Path) -> bool:
    """Return whether there is a journal in `directory`, be it an empty one."""
    return bool(_files(directory))


def files_after(directory: Path, number: int) -> Iterator[tuple[int, Iterator[JournalEntry]]]:
    """Yield the number and entries of each file after file `number`, the oldest first.

    Raises StackError for a damaged file. In the newest file, entries are read up to the first
    damaged one, which a loss of power may have left.
    """
    files = [(found, file) for found, file in _files(directory) if found > number]
    for found, file in files:
        yield found, _entries(file, newest=found == files[-1][0])


def _entries(file: Path, *, newest: bool) -> Iterator[JournalEntry]:
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        # It was added to the sums meanwhile; the caller looks again.
        return
    for number, line in enumerate(lines[:-1], 1):
        try:
            yield decode(line)
        except msgspec.MsgspecError as error:
            if newest:
                return
            raise StackError(f"{file}:{number}: is damaged: {error}") from None


def _files(directory: Path) -> list[tuple[int, Path]]:
    return sorted((int(file.stem), file) for file in directory.glob(f"*{_SUFFIX}"))
