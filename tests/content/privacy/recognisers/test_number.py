"""Numbers of many countries: written forms, proofs and cue words."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth.content.privacy import KINDS, Detector
from tests.content.privacy.recognisers.marked import found

KINDS_PAGE = Path(__file__).parents[4] / "docs" / "privacy-kinds.md"

NATIONAL = {
    "Belgium": "85.07.30-033.28",
    "Brazil": "390.533.447-05",
    "Chile": "12.531.909-2",
    "China": "11010519491231002X",
    "Czechia": "rodné číslo 710319/2745",
    "Dominican Republic": "001-1391820-5",
    "Estonia": "isikukood 36805280109",
    "Finland": "131052-308T",
    "France": "2 95 10 99 126 111 93",
    "Germany": "Rentenversicherungsnummer 15 070649 C 103",
    "India": "Aadhaar 2341 2341 2346",
    "Ireland": "PPS 6433435F",
    "Israel": "Israeli ID 039337423",
    "Italy": "RCCMNL83S18D969H",
    "Mexico": "BOXW310820HNERXN09",
    "Netherlands": "BSN 111222333",
    "Norway": "151086 95088",
    "Poland": "PESEL 44051401359",
    "Romania": "CNP 1630615123457",
    "Singapore": "S1234567D",
    "Slovenia": "EMŠO 0101006500006",
    "South Africa": "SA ID 7503305044089",
    "Spain": "54362315-K",
    "Sweden": "880320-0016",
    "Switzerland": "756.9217.0769.85",
    "Taiwan": "Taiwan ID A123456789",
    "Thailand": "1-2345-45678-78-1",
    "Turkey": "TC kimlik 17291716060",
    "United Kingdom": "NHS 943 476 5919",
}
CHANGED = str.maketrans("0123456789", "1234567890")


def marked(text: str) -> str:
    """Return the text with a mark around its number: all after the last word without digits."""
    words = text.split(" ")
    first = max(
        (
            at + 1
            for at, word in enumerate(words)
            if not any(map(str.isdigit, word)) and len(word) > 1
        ),
        default=0,
    )
    return " ".join([*words[:first], "«" + " ".join(words[first:]) + "»"])


@pytest.mark.parametrize("text", NATIONAL.values(), ids=NATIONAL.keys())
def test_a_national_id_is_told_by_its_checksum(detector: Detector, text: str) -> None:
    assert found(detector, text + ", thanks", "national_id") == marked(text) + ", thanks"


@pytest.mark.parametrize("text", NATIONAL.values(), ids=NATIONAL.keys())
def test_no_checksum_no_number(detector: Detector, text: str) -> None:
    start = marked(text).index("«")
    wrong = [text[:-1] + digit for digit in "0123456789" if text[:-1] + digit != text]
    wrong = wrong if text[-1].isdigit() else [text[:start] + text[start:].translate(CHANGED)]
    findings = [f for one in wrong for f in detector.detect(one) if f.kind == "national_id"]
    assert len(findings) <= 1, (
        "with a checksum of one digit, at most another form is right by chance"
    )


def test_a_number_of_something_else_is_none(detector: Detector) -> None:
    assert found(detector, "PESEL or order number 44051401359", "national_id") == (
        "PESEL or order number 44051401359"
    )


def test_the_documentation_has_a_row_a_kind() -> None:
    page = KINDS_PAGE.read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []
