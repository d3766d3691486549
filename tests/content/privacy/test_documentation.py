"""docs/privacy.md states the code's names and figures."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from extauth.content.guard.cues import cues
from extauth.content.guard.links import HELD as ADDRESS
from extauth.content.privacy import KINDS
from extauth.content.privacy.hashing import DIGITS
from extauth.content.privacy.recogniser import HELD
from extauth.content.privacy.restorer import SLACK
from extauth.content.privacy.scanner import LIMIT, LONGEST
from extauth.obligations import Treatment

PAGE = (Path(__file__).parents[3] / "docs/privacy.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]


def test_every_kind_has_a_row_in_the_order_of_the_overlap_rule() -> None:
    named = [kind for row in ROWS for kind in row.split("|")[1].replace("`", "").split(", ")]
    assert tuple(kind.strip() for kind in named if kind.strip() in KINDS) == KINDS


def test_every_treatment_has_a_row() -> None:
    named = {row.split("|")[1].strip().strip("`") for row in ROWS}
    assert {*get_args(Treatment), "exempt"} <= named


def test_every_family_is_named() -> None:
    families = {cue.family for cue in cues()} | {"encoding", "many_shot", "flood"}
    row = next(row for row in ROWS if "guard.families" in row)
    assert {name.strip(" `") for name in row.split(": ")[1].strip("| ").split(",")} == families


def test_the_bounds_are_those_of_the_code() -> None:
    stated = {
        line.strip("| ").split("|")[0].strip(): line for line in PAGE.splitlines() if "|" in line
    }
    assert f" {LIMIT:,} " in stated["a text without a break, such as JSON without spaces"]
    assert f" {LONGEST:,} " in stated["a private key block, a signed token, another long secret"]
    assert f" {ADDRESS:,} " in stated["an address"]
    assert f"its name and {SLACK} characters more" in PAGE
    assert f"a candidate of\nmore than {HELD}." in PAGE
    assert f"{DIGITS * 4} bits shown" in PAGE
