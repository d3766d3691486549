"""The state directory holds secrets, so nobody else may look inside."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.storage.state import StateDir, write_secret

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directories_are_private_and_the_token_too(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path / "deep" / "state")
    state.create()
    assert {mode(one) for one in (state.path, state.run, state.logs, state.xds)} == {0o700}
    assert mode(state.admin_token) == 0o600


def test_an_existing_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    state = StateDir.at(tmp_path / "state")
    state.create()
    assert mode(state.path) == 0o700


def test_the_admin_token_is_made_once(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path / "state")
    state.create()
    token = state.read_admin_token()
    state.create()
    assert state.read_admin_token() == token
    assert len(token) >= 32


def test_two_state_directories_have_different_tokens(tmp_path: Path) -> None:
    tokens = set()
    for name in ("one", "two"):
        state = StateDir.at(tmp_path / name)
        state.create()
        tokens.add(state.read_admin_token())
    assert len(tokens) == 2


def test_a_secret_is_private_even_where_the_file_was_not(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_a_file_in_the_way_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StackError, match="cannot use state directory"):
        StateDir.at(tmp_path / "state").create()


def test_paths_do_not_depend_on_where_the_process_stands_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = StateDir.at(tmp_path.relative_to(tmp_path) / "state")
    monkeypatch.chdir("/")
    assert state.path == tmp_path / "state"
