"""Checkpoint of an interrupted replay, from which the same command goes on."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.replay.figures import Figures
from extauth.assurance.replay.tally import Ledgers
from extauth.assurance.replay.trace import Cursor
from extauth.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1


class Checkpoint(msgspec.Struct, frozen=True):
    """The state of a replay. `identity` stands for everything that its result depends on."""

    identity: str
    cursor: Cursor
    figures: Figures
    ledgers: Ledgers
    format: int = FORMAT


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Checkpoint).decode


def save(path: Path, progress: Checkpoint) -> None:
    """Replace the file in one step; only its owner can read it. Raises StackError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encode(progress))
        temporary.replace(path)
    except OSError as error:
        raise StackError(f"{path}: can't be written: {error.strerror}") from None


def load(path: Path, identity: str) -> Checkpoint | None:
    """Return the checkpoint of this replay; None when there is none, or it is another's."""
    try:
        progress = _decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None
    return progress if progress.identity == identity and progress.format == FORMAT else None


def drop(path: Path) -> None:
    """Remove the checkpoint, once the replay is done."""
    with contextlib.suppress(OSError):
        path.unlink()
