"""A stack's record names its supervisor so that nobody else is mistaken for it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.stack.process.record import ProcessRecord, StackRecord, birth
from extauth.storage.state import StateDir

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir.at(tmp_path / "state")
    state.create()
    return state


@pytest.fixture
def record() -> StackRecord:
    return StackRecord(
        pid=os.getpid(),
        born=birth(os.getpid()) or 0,
        phase="ready",
        endpoint="http://127.0.0.1:8080",
        admin="http://127.0.0.1:8081",
        config="/etc/gateway.yaml",
        digest="abc",
        ports={"opa": 8181},
        processes={"envoy": ProcessRecord(pid=1, started=2.0, restarts=3)},
    )


def test_what_is_saved_is_loaded(state: StateDir, record: StackRecord) -> None:
    record.save(state)
    assert StackRecord.load(state) == record
    assert StackRecord.running(state) == record


def test_nothing_runs_where_nothing_was_started(state: StateDir) -> None:
    assert StackRecord.running(state) is None


def test_a_damaged_record_is_no_record(state: StateDir) -> None:
    state.stack_file.write_text("{")
    assert StackRecord.load(state) is None


def test_another_process_with_the_same_id_is_not_the_supervisor(
    state: StateDir, record: StackRecord
) -> None:
    msgspec.structs.replace(record, born=record.born - 1).save(state)
    assert StackRecord.running(state) is None


def test_a_zombie_counts_as_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert birth(process.pid) is None


def test_birth_survives_a_name_made_to_confuse() -> None:
    rename = "import ctypes; ctypes.CDLL(None).prctl(15, b') Z 1 (', 0, 0, 0)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{rename}; print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert birth(process.pid) is not None
        process.communicate(b"\n")
