"""Expressions of --fail-on."""

from __future__ import annotations

import pytest

from extauth.assurance.replay.figures import ChangeCount, Figures, Side
from extauth.assurance.replay.threshold import KNOWN, FailThreshold
from extauth.errors import ConfigurationError

FIGURES = Figures(
    compared=1000,
    new_denies=ChangeCount(count=2),
    before=Side(prompt_tokens=100, completion_tokens=100, cost=2.0),
    after=Side(prompt_tokens=100, completion_tokens=120, cost=1.5),
)


@pytest.mark.parametrize(
    ("expression", "fails"),
    [
        ("new_denies > 0.1%", True),
        ("new_denies > 0.2%", False),
        ("new_denies >= 0.2%", True),
        ("new_denies>1", True),
        ("new_denies <= 1", False),
        ("errors > 0", False),
        ("errors < 1", True),
        ("tokens_change > 20", False),
        ("tokens_change >= 10 %", True),
        ("cost_change < -0.4", True),
        ("cost_change < -25%", False),
    ],
)
def test_a_check_fails_when_the_expression_holds(expression: str, fails: bool) -> None:
    check = FailThreshold.parse(expression).check(FIGURES)

    assert check.failed is fails


def test_a_failed_check_tells_the_figure() -> None:
    (finding,) = FailThreshold.parse("new_denies  >  0.1%").check(FIGURES).findings

    assert finding.message == "new_denies is 0.2%: fail on new_denies > 0.1%"


def test_nothing_is_no_share_of_nothing() -> None:
    assert not FailThreshold.parse("new_denies > 0%").check(Figures()).failed
    assert FailThreshold.parse("cost_change > 5%").check(Figures(after=Side(cost=1.0))).failed


@pytest.mark.parametrize(
    "expression", ["", "denies > 1", "new_denies", "new_denies = 1", "new_denies > x", "1 < errors"]
)
def test_a_wrong_expression_is_told_what_is_known(expression: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        FailThreshold.parse(expression)

    assert all(name in raised.value.message for name in KNOWN)
    assert "\n" not in raised.value.message
