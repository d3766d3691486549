"""A program run to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth.errors import StackError
from extauth.rego.process import run

SHELL = Path("/bin/sh")


def test_its_output_and_status() -> None:
    done = run(SHELL, "-c", "cat; echo no >&2; exit 3", given="yes\n")
    assert (done.status, done.out, done.err, done.late) == (3, "yes\n", "no\n", False)
    assert done.words == "no yes"


def test_colours_and_bytes_that_are_no_text() -> None:
    assert run(SHELL, "-c", r"printf '\033[31mred\033[0m \377'").out == "red �"


def test_its_environment_and_directory(tmp_path: Path) -> None:
    done = run(SHELL, "-c", 'echo "$ONE" "$PWD"', cwd=tmp_path, environment={"ONE": "1"})
    assert done.out == f"1 {tmp_path}\n"
    assert run(SHELL, "-c", "echo $PATH", environment={"ONE": "1"}).out.strip()


def test_a_program_that_takes_too_long() -> None:
    assert run(SHELL, "-c", "exec sleep 60", seconds=0.1).late


def test_a_program_that_is_interrupted() -> None:
    with pytest.raises(StackError, match="interrupted"):
        run(SHELL, "-c", "kill -INT $$")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't be run: No such file or directory"):
        run(tmp_path / "none")


def test_words_are_bounded() -> None:
    assert len(run(SHELL, "-c", "yes | head -c 5000").words) == 500
