"""Names outside of the databases: in logs, trials, a replay, the configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.storage.state import StateDir
    from extauth.types.pseudonyms import Pseudonyms

LARGEST = 64 * 1024 * 1024
"""Bytes of a configuration that is looked through for names."""

_CHUNK = 4 * 1024 * 1024
_LONGEST = 4096


def blot_out(state: StateDir, pseudonyms: Pseudonyms) -> int:
    """Overwrite the names in logs and trials; in how many files they were. Raises StackError.

    In place and by as many bytes: a process goes on writing at the end.
    """
    files = [*state.logs.glob("*.log*"), *state.trials.glob("*.json"), state.history]
    try:
        return sum(_blot(file, pseudonyms) for file in files if file.is_file())
    except OSError as error:
        raise StackError(f"{error.filename}: can't be rewritten: {error.strerror}") from None


def forget_replay(state: StateDir, pseudonyms: Pseudonyms) -> int:
    """Drop the progress of a replay that has counted a name: 1 where there was one, else 0.

    It is of records that are no more. Raises StackError.
    """
    file = state.replay_progress
    try:
        if not file.is_file() or not pseudonyms.stand_in(file.read_bytes()):
            return 0
        file.unlink()
    except OSError as error:
        raise StackError(f"{file}: can't be removed: {error.strerror}") from None
    return 1


def configured(state: StateDir, pseudonyms: Pseudonyms) -> Iterator[Path]:
    """Snapshots' files that have one of the names: they come from what the operator wrote."""
    for root in (state.snapshots, state.pulled):
        for file in sorted(root.rglob("*.json")):
            if file.stat().st_size <= LARGEST and pseudonyms.stand_in(file.read_bytes()):
                yield file


def _blot(path: Path, pseudonyms: Pseudonyms) -> bool:
    found = False
    with path.open("r+b") as file:
        begin, size = 0, os.fstat(file.fileno()).st_size
        while begin < size:
            data = os.pread(file.fileno(), _CHUNK, begin)
            blotted = pseudonyms.blotted(data)
            if blotted != data:
                found = True
                os.pwrite(file.fileno(), blotted, begin)
            if begin + len(data) >= size:
                break
            # A name may lie over the edge of a piece.
            begin += len(data) - _LONGEST
        if found:
            os.fsync(file.fileno())
    return found
