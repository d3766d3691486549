"""One supervisor a state directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.stack.process.locks import exclusive
from extauth.storage.state import StateDir

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from extauth.stack.process.locks import exclusive
from extauth.storage.state import StateDir
with exclusive(StateDir(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir.at(tmp_path / "state")
    state.create()
    return state


def test_the_second_one_is_told_who_is_there(state: StateDir) -> None:
    with (
        exclusive(state),
        pytest.raises(StackError, match=rf"already running .* \(pid {os.getpid()}\)"),
        exclusive(state),
    ):
        pass


def test_it_can_be_taken_again_after_it_was_let_go(state: StateDir) -> None:
    for _ in range(2):
        with exclusive(state):
            pass


def test_two_state_directories_do_not_meet(state: StateDir, tmp_path: Path) -> None:
    other = StateDir.at(tmp_path / "other")
    other.create()
    with exclusive(state), exclusive(other):
        pass


def test_a_killed_holder_leaves_no_lock_behind(state: StateDir) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state.path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StackError, match=f"pid {holder.pid}"), exclusive(state):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with exclusive(state):
        pass
