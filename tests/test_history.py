"""The history of a state directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.history import Entry, History, refused_last

if TYPE_CHECKING:
    from pathlib import Path

STARTED = Entry(1, 10.0, "start", digest="a", revision="r")
REFUSED = Entry(2, 20.0, "watch", previous="a", result="refused", reason="roles.yaml:3: no")


def test_it_keeps_what_was_written_in_order(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    assert (history.entries(), history.next, history.refusals()) == ((), 1, 0)
    history.append(STARTED)
    history.append(REFUSED)
    again = History(tmp_path / "history.jsonl")
    assert (again.entries(), again.next, again.refusals()) == ((STARTED, REFUSED), 3, 1)
    assert (tmp_path / "history.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_was_refused_is_over_once_something_is_activated() -> None:
    assert refused_last(()) is None
    assert refused_last((STARTED, REFUSED)) is REFUSED
    assert refused_last((REFUSED, STARTED)) is None


def test_damage_is_told_with_its_line(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.append(STARTED)
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"sequence": 2, "ti\n')
    with pytest.raises(StackError, match=r"history\.jsonl:2: not an entry"):
        history.entries()
    assert history.refusals() == 0
