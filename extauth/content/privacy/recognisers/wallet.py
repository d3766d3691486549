"""Addresses of crypto wallets, most of them with a checksum."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span
from extauth.content.privacy.wallet_code import (
    BASE58,
    BECH32,
    BECH32_CHECK,
    BECH32M_CHECK,
    base58_checksum,
    bech32_checksum,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BASE58: Final = BASE58.encode()
_RIPPLE: Final = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_CHECKS: Final = frozenset({BECH32_CHECK, BECH32M_CHECK})
_SOLANA_KEY: Final = 32
_B58 = rb"[1-9A-HJ-NP-Za-km-z]"
_B32 = rb"[02-9ac-hj-np-z]"


class WalletRecogniser:
    """A form of address that stands free, with its proof."""

    kind = "crypto_wallet"
    opens = WORD

    __slots__ = ("_group", "_is_valid", "_pattern", "confidence", "name", "prefilter")

    def __init__(
        self,
        name: str,
        prefilter: bytes,
        pattern: bytes,
        is_valid: Callable[[bytes], bool],
        *,
        confidence: float = 1.0,
        group: int = 0,
    ) -> None:
        self.name, self.prefilter, self.confidence = name, prefilter, confidence
        self._pattern = compile_pattern(pattern)
        self._is_valid = is_valid
        self._group = group

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield addresses that pass the form's check."""
        for match in self._pattern.finditer(data):
            start, end = match.start(self._group), match.end(self._group)
            around = data[max(0, start - 1) : start] + data[end : end + 1]
            if b"\xe9" not in around and self._is_valid(data[start:end]):
                yield Span(start, end)


def _decoded(address: bytes, alphabet: bytes) -> bytes:
    number = 0
    for char in address:
        number = number * 58 + alphabet.index(char)
    zeros = len(address) - len(address.lstrip(alphabet[:1]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def _is_base58(address: bytes, alphabet: bytes = _BASE58) -> bool:
    """Check Base58Check: the last four bytes are a hash of those before."""
    payload = _decoded(address, alphabet)
    return base58_checksum(payload[:-4]) == payload[-4:]


def _is_ripple(address: bytes) -> bool:
    return _is_base58(address, _RIPPLE)


def _is_bech32(address: bytes) -> bool:
    lower = address.lower()
    if address not in (lower, address.upper()):
        return False
    prefix, _, rest = lower.decode().rpartition("1")
    return bech32_checksum(prefix, map(BECH32.index, rest)) in _CHECKS


def _is_stellar(address: bytes) -> bool:
    payload = base64.b32decode(address)
    return binascii.crc_hqx(payload[:-2], 0).to_bytes(2, "little") == payload[-2:]


def _is_key(address: bytes) -> bool:
    """Check the length of a Solana address, a public key of 32 bytes without a checksum."""
    return len(_decoded(address, _BASE58)) == _SOLANA_KEY


def _is_somebodys(address: bytes) -> bool:
    """Return whether it is not the zero address or a similar one without an owner."""
    return len(set(address[2:].lower())) > _FEWEST_DIFFERENT


_FEWEST_DIFFERENT: Final = 3
_CUE: Final = rb"(?i:\bbitcoins?\b|\bbtc\b|\blitecoins?\b|\bltc\b|\bwallet\b|\bcrypto\w*)"


def _is_mixed(address: bytes) -> bool:
    """Return whether it has letters of both cases and digits, as random text has."""
    return any(map(str.isdigit, address.decode())) and not (address.isupper() or address.islower())


WALLETS = (
    WalletRecogniser(
        "wallet-base58",  # Bitcoin, Litecoin, Dogecoin, Dash, Tron, Tezos, Zcash
        rb"\b(?:[13LMDX92mn]|T|t[13z]|KT1|tz[1-4])" + _B58 + rb"{24}",
        rb"\b(?:[13LMDXTmn2]" + _B58 + rb"{24,34}|t[13]" + _B58 + rb"{33}"
        rb"|(?:tz[1-4]|KT1)" + _B58 + rb"{33})\b",
        _is_base58,
    ),
    WalletRecogniser(
        "wallet-ripple", rb"\br" + _B58 + rb"{24}", rb"\br" + _B58 + rb"{24,34}\b", _is_ripple
    ),
    WalletRecogniser(
        "wallet-bech32",  # Bitcoin, Litecoin, Cardano, Cosmos and its kin
        rb"(?i)\b(?:bc|tb|ltc|addr|stake|cosmos|osmo|terra|inj|celestia|kava|juno)1"
        + _B32
        + rb"{20}",
        rb"(?i)\b(?:bc|tb|ltc|addr|stake|cosmos|osmo|terra|inj|celestia|kava|juno)1"
        rb"" + _B32 + rb"{25,110}\b",
        _is_bech32,
    ),
    WalletRecogniser(
        "wallet-cash",
        rb"(?i)\bbitcoincash:[qp]",
        rb"(?i)\bbitcoincash:[qp]" + _B32 + rb"{41}\b",
        _is_somebodys,
        confidence=0.9,
    ),
    WalletRecogniser(
        "wallet-hexadecimal",  # Ethereum, and currencies that share its addresses
        rb"\b0[xX][0-9a-fA-F]{40}",
        rb"\b0[xX][0-9a-fA-F]{40}\b",
        _is_somebodys,
        confidence=0.9,
    ),
    WalletRecogniser("wallet-stellar", rb"\bG[A-Z2-7]{20}", rb"\bG[A-Z2-7]{55}\b", _is_stellar),
    WalletRecogniser(
        "wallet-monero",
        rb"\b[48][0-9AB]" + _B58 + rb"{60}",
        rb"\b[48][0-9AB]" + _B58 + rb"{93}(?:" + _B58 + rb"{11})?\b",
        _is_somebodys,
        confidence=0.9,
    ),
    WalletRecogniser(
        "wallet-cued",  # without a valid checksum, behind a word for a wallet
        _CUE + rb"[^\n]{0,40}\b[13LM]" + _B58 + rb"{25}",
        _CUE + rb"[^\n]{0,40}?[^\w\-]([13LM]" + _B58 + rb"{25,33})\b",
        _is_mixed,
        confidence=0.7,
        group=1,
    ),
    WalletRecogniser(
        "wallet-solana",
        rb"(?i:\bsol(?:ana)?\b|\bphantom\b|\bspl\b)[^\n]{0,40}\b" + _B58 + rb"{32}",
        rb"(?i:\bsol(?:ana)?\b|\bphantom\b|\bspl\b)[^\n]{0,40}?[^\w\-]\b(" + _B58 + rb"{32,44})\b",
        _is_key,
        confidence=0.7,
        group=1,
    ),
)
"""A recogniser for each form of address."""
