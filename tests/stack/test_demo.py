"""The demo's keys: made once, shown again, and never shown when they stopped working."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from extauth.errors import StackError
from extauth.identity import SqliteKeys
from extauth.settings import DemoKey
from extauth.stack.demo import demo_keys
from extauth.storage.state import StateDir
from tests.compiler.conftest import SETTINGS
from tests.identity.contract import recognised

if TYPE_CHECKING:
    from pathlib import Path

WANTED = (
    DemoKey(name="ada", tenant="acme", tier="premium", roles=("developer",), region="eu-west"),
    DemoKey(name="bob", tenant="globex", tier="free", roles=("viewer",)),
)


DEMO = replace(SETTINGS, identity=replace(SETTINGS.identity, demo_keys=WANTED))


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir.at(tmp_path / "state")
    state.create()
    return state


def test_each_key_lets_in_whom_it_names(state: StateDir) -> None:
    keys = demo_keys(state, DEMO)
    store = SqliteKeys(state.identity_db)
    found = [recognised(store, one.key, time.time()) for one in keys]
    store.close()
    assert [(one.tenant, one.tier, one.roles) for one in found] == [
        ("acme", "premium", ("developer",)),
        ("globex", "free", ("viewer",)),
    ]


def test_a_second_start_shows_the_same_keys(state: StateDir) -> None:
    assert demo_keys(state, DEMO) == demo_keys(state, DEMO)


def test_a_revoked_key_is_neither_shown_nor_made_again(state: StateDir) -> None:
    _, bob = demo_keys(state, DEMO)
    store = SqliteKeys(state.identity_db)
    store.revoke("acme/ada", now=time.time())
    store.close()
    assert demo_keys(state, DEMO) == (bob,)


def test_a_key_that_somebody_else_made_is_left_alone(state: StateDir) -> None:
    store = SqliteKeys(state.identity_db)
    store.create(name="ada", tenant="acme", tier="free", now=time.time())
    store.close()
    assert [one.name for one in demo_keys(state, DEMO)] == ["bob"]


def test_the_plain_texts_are_private(state: StateDir) -> None:
    demo_keys(state, DEMO)
    assert state.demo_keys.stat().st_mode & 0o777 == 0o600


def test_a_key_does_not_show_itself(state: StateDir) -> None:
    (one, *_) = demo_keys(state, DEMO)
    assert one.key not in repr(one)


def test_a_damaged_file_is_one_clear_error(state: StateDir) -> None:
    state.demo_keys.write_text("[")
    with pytest.raises(StackError, match=r"demo-keys\.json is damaged"):
        demo_keys(state, DEMO)
