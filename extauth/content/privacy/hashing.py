"""Keyed hashes of originals: equal for equal originals of one tenant only."""

from __future__ import annotations

import hmac
import unicodedata
from ipaddress import ip_address
from typing import Final

from extauth.content.escapes import unescaped

DIGITS: Final = 16
"""Hexadecimal digits in a hash: 64 bits."""

_NUMBERS: Final = frozenset(
    {
        "card",
        "iban",
        "bank_account",
        "national_id",
        "tax_id",
        "passport",
        "driving_licence",
        "phone",
        "mac",
    }
)
# Ethereum writes a checksum into the case of its letters; bech32 is written in either.
_CASELESS_WALLETS = ("0x", "bc1", "tb1", "ltc1")


class KeyedHash:
    """HMAC-SHA256 of originals, under a key that only this gateway has.

    Without the key, an original can't be found by hashing all candidates, although cards and phone
    numbers are few. Each tenant has its own key, derived from `key`, which has 32 bytes. Immutable;
    its repr shows no key.
    """

    __slots__ = ("_key", "_tenant")

    def __init__(self, key: bytes, tenant: str) -> None:
        self._key = key
        self._tenant = tenant

    def hash(self, kind: str, original: str) -> str:
        """Return `DIGITS` hexadecimal digits, equal for spellings that `canonical` makes equal."""
        return self._digest(b"hash", kind, original).hex()[:DIGITS]

    def seed(self, kind: str, original: str) -> bytes:
        """Return 32 bytes to draw a stand-in from. They can't be computed from a hash."""
        return self._digest(b"stand_in", kind, original)

    def _digest(self, use: bytes, kind: str, original: str) -> bytes:
        # Derived only when needed: most requests hash nothing.
        tenant = self._tenant.encode(errors="surrogatepass")
        key = hmac.digest(self._key, use + b"\0" + tenant, "sha256")
        return hmac.digest(key, _message(kind, original), "sha256")


def canonical(kind: str, original: str) -> str:
    """Return an original in the spelling that is hashed.

    Ignores JSON's escapes, the width of characters, the script of digits, invisible characters and
    the abbreviation of IP addresses. Ignores case, except in secrets and in wallets whose case has
    a meaning, and separators in numbers.
    """
    text = plain(unescaped(original)[0])
    if kind == "secret":
        return text
    if kind == "crypto_wallet":
        folded = text.casefold()
        return folded if folded.startswith(_CASELESS_WALLETS) else text
    text = text.casefold()
    if kind in _NUMBERS:
        letters = "".join(char for char in text if char.isalnum())
        # 00 and + both begin a number with its country.
        return letters.removeprefix("00") if kind == "phone" else letters
    if kind == "ip":
        try:
            return str(ip_address(text.strip("[]")))
        except ValueError:
            return text
    return " ".join(text.split())


def plain(text: str) -> str:
    """Return `text` in compatibility forms, with ASCII digits and without invisible characters."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in unicodedata.normalize("NFKC", text)
        if unicodedata.category(char) != "Cf"
    )


def _message(kind: str, original: str) -> bytes:
    return f"{kind}\0{canonical(kind, original)}".encode(errors="surrogatepass")
