"""The machine's clock was a year ahead, and is right again: the real service goes on from there."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.stack import PROMPT, eventually

if TYPE_CHECKING:
    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 4}
DAY, YEAR = 86_400, 365 * 86_400


def requests_of_the_day(stack: Stack) -> dict[str, Any]:
    (found,) = [
        each
        for each in stack.json("limits", "show", "tenant:acme")["limits"]
        if (each["unit"], each["window"]) == ("requests", DAY)
    ]
    return dict(found)


def test_books_from_next_year_go_on_where_they_stood(site: Site) -> None:
    stack = site.stack
    client = stack.http()
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    before = requests_of_the_day(stack)
    stack.kill("service", signal.SIGSTOP)
    with closing(sqlite3.connect(site.state.ledger_db, timeout=10)) as books, books:
        # As if the wall clock had shown next year all the time.
        assert books.execute("UPDATE folded SET ahead = ahead + ?", (YEAR,)).rowcount == 1
    stack.kill("service", signal.SIGKILL)

    def served() -> None:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200

    eventually(served, within=60)
    after = requests_of_the_day(stack)
    assert after["used"] == before["used"] + 1
    assert after["resets_at"] < time.time() + 2 * DAY
    log = (site.state.logs / "service.log").read_text()
    assert f"{site.state.ledger_db} is from a time to come" in log
    # Less the seconds that the service was away.
    assert "this machine's clock was set 364 days 23 h back since" in log
    assert '"type":"clock.stepped"' in log
    assert 'sluice_clock_steps_total{direction="back"} 1.0' in stack.metrics()
