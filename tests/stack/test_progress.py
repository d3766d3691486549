"""Progress reaches people as lines, and other processes as events."""

from __future__ import annotations

import io
import json

import pytest

from extauth.stack.progress import EventProgress, Terminal, replay, step


def test_without_a_terminal_a_step_is_two_lines() -> None:
    stream = io.StringIO()
    with step(Terminal(stream), "starting [envoy]"):
        pass
    first, second = stream.getvalue().splitlines()
    assert first == "starting [envoy] ..."
    assert second.startswith("  done in ")


def test_a_step_that_fails_does_not_say_done() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no"), step(Terminal(stream), "starting"):
        raise ValueError("no")
    assert "done" not in stream.getvalue()


def test_chatter_is_held_back_without_a_terminal() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream)
    with step(terminal, "building"):
        for number in range(100):
            terminal.update(str(number))
    assert len(stream.getvalue().splitlines()) == 2


def test_what_one_process_tells_another_one_shows() -> None:
    pipe, shown = io.StringIO(), io.StringIO()
    events = EventProgress(pipe, io.StringIO())
    with step(events, "starting envoy"):
        events.update("half")
    events.note("envoy died")
    terminal = Terminal(shown)
    assert all(replay(json.loads(line), terminal) for line in pipe.getvalue().splitlines())
    assert shown.getvalue().splitlines()[0] == "starting envoy ..."
    assert shown.getvalue().splitlines()[-1] == "envoy died"


def test_other_events_are_left_to_the_reader() -> None:
    assert not replay(["ready", {}], Terminal(io.StringIO()))


def test_a_reader_that_left_stops_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    log = io.StringIO()
    events = EventProgress(Gone(), log)
    events.note("first")
    events.note("second")
    assert [line.split(" ", 1)[1] for line in log.getvalue().splitlines()] == ["first", "second"]
