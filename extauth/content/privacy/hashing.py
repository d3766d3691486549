"""Keyed hashes of originals: equal for a tenant's equal originals, and only for these."""

from __future__ import annotations

import hmac
import unicodedata
from ipaddress import ip_address
from typing import Final

from extauth.content.escapes import unescaped

DIGITS: Final = 16
"""Hexadecimal digits that a hash shows: 64 bits."""

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
    """HMAC-SHA256 of originals under a key that only this gateway has.

    Whoever has no key can't tell an original from its hash by trying all there are, though cards
    and phone numbers are few. Each tenant's is a key of its own, derived from `key`, 32 bytes.
    Immutable; shows no key in its repr.
    """

    __slots__ = ("_key", "_tenant")

    def __init__(self, key: bytes, tenant: str) -> None:
        self._key = key
        self._tenant = tenant

    def hash(self, kind: str, original: str) -> str:
        """`DIGITS` hexadecimal digits: the same for all spellings that `canonical` makes equal."""
        return self._digest(b"hash", kind, original).hex()[:DIGITS]

    def seed(self, kind: str, original: str) -> bytes:
        """32 bytes to draw a stand-in from, of which no hash tells anything."""
        return self._digest(b"stand_in", kind, original)

    def _digest(self, use: bytes, kind: str, original: str) -> bytes:
        # Most requests hash nothing, so no key is derived before it is needed.
        tenant = self._tenant.encode(errors="surrogatepass")
        key = hmac.digest(self._key, use + b"\0" + tenant, "sha256")
        return hmac.digest(key, _message(kind, original), "sha256")


def canonical(kind: str, original: str) -> str:
    """What of an original's spelling counts.

    Not JSON's escapes, the width of characters, the script of digits or what can't be seen. Not
    case, except in secrets and wallets whose case means something. Not separators in what is a
    number; not how an IP address is abbreviated.
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
    """`text` in compatibility forms, digits of any script as ASCII, without what can't be seen."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in unicodedata.normalize("NFKC", text)
        if unicodedata.category(char) != "Cf"
    )


def _message(kind: str, original: str) -> bytes:
    return f"{kind}\0{canonical(kind, original)}".encode(errors="surrogatepass")
