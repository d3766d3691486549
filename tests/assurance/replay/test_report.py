"""A replay's report, as people read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth.assurance.findings import render
from extauth.assurance.replay.build import PolicyBuild
from extauth.assurance.replay.figures import ChangeCount, Figures
from extauth.assurance.replay.replay import Comparison
from extauth.assurance.replay.report import report
from extauth.assurance.replay.worker import PolicyFiles
from extauth.policy.verdict import Verdict
from extauth.types import CalendarPeriod, Lifetime, Limit, TokenBucket

QUESTION = Comparison(
    PolicyBuild("new", "digest", {}, PolicyFiles(Path("nowhere"), 0.25, {}), Path("opa"))
)


def told(times: int) -> str:
    """The report of a trace in which everything is there so many times."""
    change = ChangeCount(count=times, admission_only=times, by={"hours.closed": times})
    figures = Figures(
        records=times,
        compared=times,
        out_of_reach=times,
        recorded_429s=times,
        new_denies=change,
        errors=ChangeCount(count=times, by={"timeout": times}),
    )
    return render(report(QUESTION, figures, ()), "markdown")


@pytest.mark.parametrize(
    "words",
    [
        "1 decision compared",
        "of 1 record; 1 was out of reach",
        "1 request (100 %) is newly denied (hours.closed: 1)",
        "1 of them was refused before its body was read: it passes, or fails, as far",
        "A limit really refused 1 request.",
        "timeout (1 request denied)",
    ],
)
def test_one_is_singular(words: str) -> None:
    assert words in told(1)


@pytest.mark.parametrize(
    "words",
    [
        "1,200 decisions compared",
        "of 1,200 records; 1,200 were out of reach",
        "1,200 requests (100 %) are newly denied (hours.closed: 1200)",
        "1,200 of them were refused before their body was read: they pass, or fail, as far",
        "A limit really refused 1,200 requests.",
        "timeout (1,200 requests, each denied)",
    ],
)
def test_many_are_plural(words: str) -> None:
    assert words in told(1200)


def test_records_of_an_older_version_are_told() -> None:
    words = "3 records of an older version may lack facts: rules about those see nothing found"

    assert words in render(report(QUESTION, Figures(records=3, migrated=3), ()), "text")
    assert "older version" not in told(3)


def test_limits_are_told_in_words_whatever_their_window() -> None:
    limits = (
        Limit("day", "a", "tokens", CalendarPeriod("day"), 900),
        Limit("burst", "a", "requests", TokenBucket(2, 60), 10),
        Limit("slots", "a", "slots", Lifetime(), 4),
    )
    shown = Verdict(True, (), None, limits).under(["limit day", "limit burst", "limit slots"])

    assert shown == (
        "limit day 900 tokens in a calendar day, "
        "limit burst 10 requests at once and 2 more every 60 s, limit slots 4 slots at once"
    )


def test_none_is_plural() -> None:
    assert "of 0 records; 0 were out of reach" in told(0)
