"""Logs of bounded size, in which every line that was written stands once."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.errors import StackError
from extauth.settings import LogSettings
from extauth.stack.process.child import Child, Command
from extauth.stack.process.logs import LogFile, LogPipe

if TYPE_CHECKING:
    from pathlib import Path

SMALL = LogSettings(size=1000, files=3)


def kept(path: Path) -> list[Path]:
    """The files of a log, the oldest first."""
    found = path.parent.glob(f"{path.name}*")
    return sorted(
        found, key=lambda file: -int(file.name.removeprefix(f"{path.name}.") if file != path else 0)
    )


def test_a_file_gives_way_between_two_lines_and_the_oldest_goes(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", SMALL)
    lines = [b"%05d %s\n" % (number, b"x" * 93) for number in range(50)]
    for line in lines:
        log.write(line)
    files = kept(log.path)
    assert [file.name for file in files] == ["a.log.2", "a.log.1", "a.log"]
    told = b"".join(file.read_bytes() for file in files)
    assert told == b"".join(lines[-told.count(b"\n") :])
    assert all(0 < file.stat().st_size <= SMALL.size for file in files)
    assert all(file.read_bytes().endswith(b"\n") for file in files)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)


@given(pieces=st.lists(st.binary(max_size=300), max_size=30))
def test_what_is_written_stands_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    log = LogFile(tmp_path_factory.mktemp("logs") / "a.log", LogSettings(size=400, files=99))
    for piece in pieces:
        log.write(piece)
    files = kept(log.path)
    assert b"".join(file.read_bytes() for file in files) == b"".join(pieces)


def test_what_never_ends_a_line_is_bounded_too(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", SMALL)
    for _ in range(100):
        log.write(b"x" * 200)
    assert sum(file.stat().st_size for file in kept(log.path)) <= 3 * (SMALL.size + 400)


def test_a_line_is_in_one_file_however_it_came(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", LogSettings(size=100, files=99))
    line = b"y" * 59 + b"\n"
    for _ in range(4):
        log.write(line[:30])
        log.write(line[30:])
    assert all(
        set(file.read_bytes().splitlines(keepends=True)) == {line} for file in kept(log.path)
    )
    assert len(kept(log.path)) > 1


def test_a_start_begins_a_new_file(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", SMALL)
    for text in (b"first\n", b"second\n", b"third\n", b"fourth\n"):
        log.begin()
        log.write(text)
    assert [file.read_bytes() for file in kept(log.path)] == [b"second\n", b"third\n", b"fourth\n"]


def test_a_log_that_can_not_begin_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"cannot write .*a\.log: No such file or directory"):
        LogFile(tmp_path / "gone" / "a.log", SMALL).begin()


def test_a_disk_that_refuses_is_told_of_once_it_takes_again(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "gone" / "a.log", SMALL)
    log.write(b"lost\n")
    log.write(b"too\n")
    log.path.parent.mkdir()
    log.write(b"kept\n")
    assert log.path.read_bytes() == b"[9 bytes could not be written here]\nkept\n"


async def test_every_line_of_a_hurried_process_is_kept(tmp_path: Path) -> None:
    """Also those that it wrote just before it died."""
    log = LogFile(tmp_path / "a.log", LogSettings(size=100_000, files=99))
    program = "import os\nfor n in range(40_000): os.write(1 + n % 2, b'%06d\\n' % n)\nos.abort()"
    child = Child(Command("one", [sys.executable, "-c", program], _ready), tmp_path, log)
    await child.spawn()
    await child.wait()
    files = kept(log.path)
    assert len(files) > 2
    told = b"".join(file.read_bytes() for file in files).split()
    assert told == [b"%06d" % number for number in range(40_000)]


async def _ready() -> bool:
    return True


async def test_the_pipe_ends_with_its_last_writer(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", SMALL)
    pipe, writing = await LogPipe.open(log)
    os.write(writing, b"words\n")
    assert not pipe.ended.is_set()
    os.close(writing)
    await asyncio.wait_for(pipe.ended.wait(), 5)
    assert log.path.read_bytes() == b"words\n"
