"""One change at a time, and what is remembered of those that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import ConfigurationError, StackError
from extauth.snapshot.history import History
from extauth.stack.activation.rollback import find
from extauth.stack.activation.switching import refuse
from extauth.stack.process.locks import switching
from extauth.stack.process.record import StackRecord
from extauth.storage.state import StateDir

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    one = StateDir.at(tmp_path / "state")
    one.create()
    return one


def test_a_second_change_waits_and_gives_up(state: StateDir) -> None:
    with switching(state), pytest.raises(StackError, match="another change"), switching(state, 0.1):
        pass
    with switching(state, 0.1):
        pass


def test_without_a_stack_there_is_nothing_to_switch(state: StateDir) -> None:
    with pytest.raises(StackError, match="no stack is ready"):
        StackRecord.ready(state)


def test_the_same_refusal_again_is_one_entry(state: StateDir) -> None:
    for reason in ("one", "one", "two", "one"):
        refuse(state, "watch", ConfigurationError(reason))
    entries = History(state.history).entries()
    assert [(one.sequence, one.reason) for one in entries] == [(1, "one"), (2, "two"), (3, "one")]


def test_a_snapshot_is_found_by_number_or_digest(state: StateDir) -> None:
    for digest in ("abc1", "abd2", "1234"):
        (state.snapshots / digest).mkdir()
    refuse(state, "apply", ConfigurationError("no"))
    entries = History(state.history).entries()
    assert find("abc", entries, state) == "abc1"
    assert find("1234", entries, state) == "1234"
    for wanted, message in (
        ("ab", "2 digests"), ("x", "no snapshot x"), ("1", "refused before it was compiled")
    ):  # fmt: skip
        with pytest.raises(StackError, match=message):
            find(wanted, entries, state)
