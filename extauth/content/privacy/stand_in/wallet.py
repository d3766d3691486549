"""Stand-ins for wallet addresses, without a known key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from extauth.content.privacy.wallet_code import (
    BASE58,
    BECH32,
    BECH32_CHECK,
    BECH32M_CHECK,
    base58_checksum,
    bech32_checksum,
)

if TYPE_CHECKING:
    from extauth.content.privacy.stand_in.draw import Draw

# By the first character of an address, its version byte.
_VERSIONS: Final = {"1": 0x00, "3": 0x05, "L": 0x30, "M": 0x32, "D": 0x1E, "T": 0x41}
_HASH = 20
_SEGWIT = re.compile(r"(?i)(bc|tb|ltc)1([a-z0-9]{30,90})")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{40}")
_PLAIN = re.compile(r"[1-9A-HJ-NP-Za-km-z]{25,36}")


def wallet(text: str, draw: Draw) -> str:
    """Return an address of the same currency and form, with a valid checksum for Base58 and SegWit.

    Others have the same shape.
    """
    segwit = _SEGWIT.fullmatch(text)
    if segwit:
        made = _segwit(segwit[1].lower(), segwit[2].lower(), draw)
        return made.upper() if text.isupper() else made
    if _HEXADECIMAL.fullmatch(text):
        # EIP-55's checksum is in the case of letters; letters of one case have none.
        return "0x" + "".join(draw.one_of("0123456789abcdef") for _ in text[2:])
    version = _VERSIONS.get(text[:1])
    if version is not None and _PLAIN.fullmatch(text):
        return _base58(version, draw)
    return draw.like(text)


def _base58(version: int, draw: Draw) -> str:
    payload = bytes([version, *(draw.below(256) for _ in range(_HASH))])
    payload += base58_checksum(payload)
    number, digits = int.from_bytes(payload), ""
    while number:
        number, digit = divmod(number, len(BASE58))
        digits = BASE58[digit] + digits
    return BASE58[0] * (len(payload) - len(payload.lstrip(b"\0"))) + digits


def _segwit(prefix: str, data: str, draw: Draw) -> str:
    """Draw an address of the same witness version, with its checksum (BIP-173, BIP-350)."""
    values = [BECH32.find(data[0]), *(draw.below(32) for _ in data[1:-6])]
    # The padding bits after the last whole byte have to be zero.
    values[-1] &= -1 << (len(values) - 1) * 5 % 8
    wanted = BECH32_CHECK if data[0] == "q" else BECH32M_CHECK
    check = bech32_checksum(prefix, [*values, *[0] * 6]) ^ wanted
    values += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{prefix}1" + "".join(BECH32[value] for value in values)
