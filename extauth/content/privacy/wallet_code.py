"""The codes of wallet addresses: Base58Check, and Bech32 with its checksum.

Bitcoin's Base58 alphabet; BIP-173 and BIP-350 for Bech32. Shared by recognisers and stand-ins.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

BECH32_CHECK: Final = 1
"""Checksum of a valid Bech32 address, for witness version 0 (BIP-173)."""

BECH32M_CHECK: Final = 0x2BC830A3
"""Checksum of a valid Bech32m address, for later versions (BIP-350)."""

_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def base58_checksum(payload: bytes) -> bytes:
    """Return the four bytes that end a Base58Check payload."""
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]


def bech32_checksum(prefix: str, values: Iterable[int]) -> int:
    """Return the checksum of an address of this lower-case prefix and these values of 5 bits."""
    check = 1
    expanded = [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix)]
    for value in (*expanded, *values):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate(_GENERATORS):
            if top >> at & 1:
                check ^= generator
    return check
