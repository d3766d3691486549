"""Texts with sensitive data of every kind, and ways to cut them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE_KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "".join(
        f"MIIEpAIBAAKCAQEA{number:04}7bq+abcdefghijklmnopqrstuvwxyz/ABCDEFGHIJ\n"
        for number in range(25)
    )
    + "AbCdEf0123456789==\n-----END RSA PRIVATE KEY-----"
)
SIGNED_TOKEN = (
    "eyJhbGciOiJSUzI1NiJ9." + "eyJzdWIiOiIx" + "MjM0NTY3ODkwIiwi" * 60 + "." + "c2lnbmF0dXJl" * 20
)

PLANTED = {
    "secret": (
        "ghp_" + "a1B2" * 9,
        "password = hunter2!x",
        "postgres://app:s3cr3t-Pw@db.internal:5432/app",
        "AKIAIOSFODNN7EXAMPLQ",
    ),
    "card": ("4111 1111 1111 1111", "5555555555554444", "3782-822463-10005"),
    "iban": ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"),
    "bank_account": ("sort code 20-00-00, account number 55779911", "routing number 021000021"),
    "crypto_wallet": (
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    ),
    "national_id": ("SSN 536-22-8726", "NI number AB 12 34 56 C"),
    "tax_id": ("VAT number DE136695976", "Steuer-ID 36 574 261 809"),
    "passport": ("passport number C01X00T47", "passport no. 533380006"),
    "driving_licence": ("driving licence MORGA657054SM9IJ", "driver's license D1234562"),
    "email": ("jane.roe@example.com", "o'neil+tag@mail.example.co.uk"),
    "phone": ("+44 20 7946 0958", "(415) 555-2671", "call 4155552671"),
    "address": ("221B Baker Street, London NW1 6XE", "1600 Pennsylvania Avenue NW"),
    "birth_date": ("born on 12 March 1984", "date of birth: 1984-03-12"),
    "ip": ("203.0.113.77", "2001:db8:85a3::8a2e:370:7334"),
    "mac": ("00:1B:44:11:3A:B7", "001b.4411.3ab7"),
}
"""Some of every kind that is found without asking anybody else."""

_plain = st.sampled_from(
    [
        *(
            "The ",
            "answer",
            " is ",
            "that ",
            "of ",
            "42",
            ", ",
            ". ",
            "\n",
            "\n\n",
            " ",
            "- ",
            "* ",
        ),
        *("in 2024 ", "version 1.2.3 ", "order 4111 ", "call me ", "my number ", "born ", "card "),
        *(
            "Grüße ",
            "привет ",
            "测试一下",
            "\u200b",
            "é",
            "(",
            ")",
            '"',
            "`",
            ":",
            "=",
            "/",
            "@",
            "a.b",
        ),
        *(
            "https://example.com/a?b=1 ",
            '{"a":1,"b":[2,3]}',
            r"\n",
            r"\t",
            r"\u0040",
            "\\",
            "12 ",
            "1234 ",
            "-----",
            "password ",
        ),
    ]
)
_sensitive = st.sampled_from([text for texts in PLANTED.values() for text in texts])


def texts() -> st.SearchStrategy[str]:
    """Draw prose, code and numbers with sensitive data planted as people would write it."""
    before, behind = st.sampled_from(' \n("'), st.sampled_from(' \n,.)"。')
    planted = st.tuples(before, _sensitive, behind, st.just(" ")).map("".join)
    pieces = st.one_of(_plain, _plain, _plain, planted, st.text(max_size=5))
    return st.lists(pieces, max_size=24).map("".join)


@st.composite
def cut(draw: st.DrawFn, whole: st.SearchStrategy[str]) -> list[str]:
    """Draw a text cut into pieces anywhere."""
    text = draw(whole)
    if draw(st.booleans()):
        return list(text)
    places = draw(st.lists(st.integers(0, len(text)), max_size=12))
    return [text[start:end] for start, end in pairwise([0, *sorted(places), len(text)])]


def every(text: str, size: int) -> Sequence[str]:
    """Return the text in pieces of one size."""
    return [text[start : start + size] for start in range(0, len(text), size)]
