"""One recogniser a form: what it looks like, and how to tell it from what only looks alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.privacy.recognisers.address import ADDRESSES
from extauth.privacy.recognisers.assignment import AssignmentRecogniser
from extauth.privacy.recognisers.bank import BANK_ACCOUNTS
from extauth.privacy.recognisers.birth_date import BirthDateRecogniser
from extauth.privacy.recognisers.card import CardRecogniser
from extauth.privacy.recognisers.connection import CONNECTIONS
from extauth.privacy.recognisers.document import DRIVING_LICENCES, PASSPORTS
from extauth.privacy.recognisers.email import EmailRecogniser
from extauth.privacy.recognisers.iban import IbanRecogniser
from extauth.privacy.recognisers.ip import Ipv4Recogniser, Ipv6Recogniser
from extauth.privacy.recognisers.mac import MacRecogniser
from extauth.privacy.recognisers.mrz import MACHINE_READABLE
from extauth.privacy.recognisers.national_id import NATIONAL_IDS
from extauth.privacy.recognisers.phone import (
    CuedPhoneRecogniser,
    InternationalPhoneRecogniser,
    NamedPhoneRecogniser,
    NationalPhoneRecogniser,
    NorthAmericanPhoneRecogniser,
)
from extauth.privacy.recognisers.tax_id import TAX_IDS
from extauth.privacy.recognisers.token import GENERAL
from extauth.privacy.recognisers.vendor import VENDORS
from extauth.privacy.recognisers.wallet import WALLETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.privacy.recogniser import Recogniser


def recognisers(regions: Sequence[str]) -> tuple[Recogniser, ...]:
    """Every recogniser; `regions` are those whose national phone numbers are looked for."""
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
