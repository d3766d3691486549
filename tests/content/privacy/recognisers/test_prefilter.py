"""Prefilters miss nothing that a recogniser would find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.content.pattern import compile_pattern
from extauth.content.privacy import Detector
from extauth.content.privacy.recognisers.bank import BANK_ACCOUNTS
from extauth.content.privacy.recognisers.document import DRIVING_LICENCES, PASSPORTS
from extauth.content.privacy.recognisers.national_id import NATIONAL_IDS
from extauth.content.privacy.recognisers.number import NumberRecogniser
from extauth.content.privacy.recognisers.tax_id import TAX_IDS
from tests.content.privacy.labelled import labelled

if TYPE_CHECKING:
    from extauth.content.privacy.recogniser import Recogniser

NUMBERS = (*BANK_ACCOUNTS, *NATIONAL_IDS, *TAX_IDS, *PASSPORTS, *DRIVING_LICENCES)


@pytest.mark.parametrize("recogniser", NUMBERS, ids=lambda one: f"{one.kind}-{one.name}")
def test_every_form_with_a_row_of_three_digits_is_looked_at(recogniser: NumberRecogniser) -> None:
    prefilter = compile_pattern(recogniser.prefilter)
    for form in recogniser.forms:
        written = form.replace(b"9", b"7").replace(b"A", b"L")
        # Old Irish tax numbers are told by their country.
        spellings = (written, b"IE" + written[2:])
        assert b"777" not in written or any(map(prefilter.search, spellings)), form


@pytest.mark.parametrize("recogniser", Detector().recognisers, ids=lambda one: one.name)
def test_what_a_recogniser_finds_its_prefilter_finds(recogniser: Recogniser) -> None:
    prefilter = compile_pattern(recogniser.prefilter)
    for text in labelled():
        data = text.text.encode("ascii", "replace")
        if prefilter.search(data) is None:
            assert list(recogniser.find(data)) == []
