"""The history of a state directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.errors import StackError
from extauth.snapshot.history import History, HistoryEntry, refused_last

if TYPE_CHECKING:
    from pathlib import Path

STARTED = HistoryEntry(1, 10.0, "start", digest="a", revision="r")
REFUSED = HistoryEntry(2, 20.0, "watch", previous="a", result="refused", reason="roles.yaml:3: no")


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


def test_the_newest_entries_are_kept_and_numbers_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extauth.snapshot.history.KEPT", 3)
    file = tmp_path / "history.jsonl"
    history = History(file)
    for _ in range(7):
        history.append(msgspec.structs.replace(REFUSED, sequence=history.next))
    assert [entry.sequence for entry in history.entries()] == [5, 6, 7]
    assert history.next == 8
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_refusals_are_counted_as_they_come_though_old_entries_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extauth.snapshot.history.KEPT", 3)
    writer, reader = History(tmp_path / "history.jsonl"), History(tmp_path / "history.jsonl")
    assert reader.refusals() == 0
    counted = []
    for sequence in range(1, 8):
        entry = REFUSED if sequence % 2 else STARTED
        writer.append(msgspec.structs.replace(entry, sequence=sequence))
        if sequence != 5:
            counted.append(reader.refusals())
    assert counted == [1, 1, 2, 2, 3, 4]
    # Who comes later sees what is kept.
    assert History(tmp_path / "history.jsonl").refusals() == 2


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    history = History(file)
    history.append(STARTED)
    history.append(REFUSED)
    assert history.refusals() == 1
    # What was read is not looked at again: here it could not be.
    content = file.read_bytes()
    file.write_bytes(content[:60] + b"x" * (len(content) - 61) + b"\n")
    history.append(msgspec.structs.replace(REFUSED, sequence=3))
    assert history.refusals() == 2


def test_an_entry_that_is_being_written_is_counted_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    history = History(file)
    history.append(REFUSED)
    whole = msgspec.json.encode(msgspec.structs.replace(REFUSED, sequence=3)) + b"\n"
    with file.open("ab", buffering=0) as half:
        half.write(whole[:30])
        assert history.refusals() == 1
        half.write(whole[30:])
    assert history.refusals() == 2


def test_damage_is_told_with_its_line(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.append(STARTED)
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"sequence": 2, "ti\n')
    with pytest.raises(StackError, match=r"history\.jsonl:2: not an entry"):
        history.entries()
    assert history.refusals() == 0
