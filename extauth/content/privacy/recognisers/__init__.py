"""The built-in recognisers, each for one form, with the proof that tells it from look-alikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.privacy.recognisers.address import ADDRESSES
from extauth.content.privacy.recognisers.assignment import AssignmentRecogniser
from extauth.content.privacy.recognisers.bank import BANK_ACCOUNTS
from extauth.content.privacy.recognisers.birth_date import BirthDateRecogniser
from extauth.content.privacy.recognisers.card import CardRecogniser
from extauth.content.privacy.recognisers.connection import CONNECTIONS
from extauth.content.privacy.recognisers.document import DRIVING_LICENCES, PASSPORTS
from extauth.content.privacy.recognisers.email import EmailRecogniser
from extauth.content.privacy.recognisers.iban import IbanRecogniser
from extauth.content.privacy.recognisers.ip import Ipv4Recogniser, Ipv6Recogniser
from extauth.content.privacy.recognisers.mac import MacRecogniser
from extauth.content.privacy.recognisers.mrz import MACHINE_READABLE
from extauth.content.privacy.recognisers.national_id import NATIONAL_IDS
from extauth.content.privacy.recognisers.phone import (
    CuedPhoneRecogniser,
    InternationalPhoneRecogniser,
    NamedPhoneRecogniser,
    NationalPhoneRecogniser,
    NorthAmericanPhoneRecogniser,
)
from extauth.content.privacy.recognisers.tax_id import TAX_IDS
from extauth.content.privacy.recognisers.token import GENERAL
from extauth.content.privacy.recognisers.vendor import VENDORS
from extauth.content.privacy.recognisers.wallet import WALLETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.privacy.recogniser import Recogniser


def recognisers(regions: Sequence[str]) -> tuple[Recogniser, ...]:
    """Return every recogniser. National phone numbers are recognised for `regions` only."""
    return (
        EmailRecogniser(),
        InternationalPhoneRecogniser(),
        CuedPhoneRecogniser(regions),
        NamedPhoneRecogniser(),
        *map(NationalPhoneRecogniser, regions),
        *((NorthAmericanPhoneRecogniser(),) if {"US", "CA"}.intersection(regions) else ()),
        CardRecogniser(),
        IbanRecogniser(),
        Ipv4Recogniser(),
        Ipv6Recogniser(),
        MacRecogniser(),
        *BANK_ACCOUNTS,
        *NATIONAL_IDS,
        *TAX_IDS,
        *PASSPORTS,
        *DRIVING_LICENCES,
        *MACHINE_READABLE,
        *WALLETS,
        *ADDRESSES,
        BirthDateRecogniser(),
        AssignmentRecogniser(),
        *CONNECTIONS,
        *GENERAL,
        *VENDORS,
    )
