"""IP addresses of hosts, distinguished from versions, section numbers, times and slices."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span

if TYPE_CHECKING:
    from collections.abc import Iterator


_CUE_LENGTH = 24

# Ranges in use: RFC 4291 unicast and multicast, unique local, NAT64, IPv4-mapped.
_V6_IN_USE = tuple(
    map(
        IPv6Network,
        ("2000::/3", "fc00::/7", "fe80::/10", "ff00::/8", "64:ff9b::/96", "::ffff:0:0/96"),
    )
)


# First octets of unspecified and loopback addresses (RFC 1122), and of netmasks.
_NOBODYS = frozenset({0, 127, 255})
_GROUPS = 8


class Ipv4Recogniser:
    """Four decimal octets, as `ipaddress` reads them.

    Loopback and unspecified addresses and netmasks do not count, since they identify no host; nor
    do versions (`v1.2.3.4`, `Chrome/120.0.0.0`, `==1.2.3.4`), section numbers and longer dotted
    numbers.
    """

    kind = "ip"
    confidence = 0.9
    opens = WORD
    name = "ipv4"
    prefilter = rb"\d\.\d{1,3}\.\d{1,3}\.\d"

    def __init__(self) -> None:
        self._pattern = compile_pattern(rb"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")
        self._before = compile_pattern(
            rb"(?i)(?:[\w\xe9][./]?|[=~<>^]=?[ ]?|\b(?:versions?|ver|v|release|rev|build|firmware"
            rb"|driver|sections?|sec|chapter|clause|appendix|table|figure|fig|step|oid"
            rb"|versi\xe9n|vers\xe9o|versione|versie|wersj[aiae\xe9]|s\xe9r\xe9m|abschnitt|kapitel|avsnitt"
            rb"|paragra(?:ph|fo|phe|f)|art(?:icle|ikel|\xe9culo|igo|icolo)?|ziffer|punkt|punto|item"
            rb"|rozdzia\xe9|hoofdstuk|secci\xe9n|sezione|utgave|verzi[ae])"
            rb"[ .:=#\-\x1f]{1,3})\z"
        )
        self._assigned = compile_pattern(
            rb"(?i)(?:ip|addr|address|host|hostname|server|src|dst|source|dest|client|remote|peer|dns"
            rb"|gateway|gw|bind|node|ipv4|ip4|from|to)[\"']?=[\"']?\z"
        )
        self._after = compile_pattern(rb"\A(?:[\w\xe9]|\.\d|[\-+][A-Za-z])")

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield addresses, without prefix length or port."""
        for match in self._pattern.finditer(data):
            start, end = match.start(), match.end()
            if self._after.search(data[end : end + 2]):
                continue
            before = data[max(0, start - _CUE_LENGTH) : start]
            if self._before.search(before) and not self._assigned.search(before):
                continue
            try:
                address = IPv4Address(data[start:end].decode())
            except AddressValueError:
                continue
            if address.packed[0] not in _NOBODYS:
                yield Span(start, end)


class Ipv6Recogniser:
    """RFC 4291 text forms of addresses in ranges in use.

    So `12:30:45`, `std::vector` and `rows[10::20]` do not count, nor does loopback.
    """

    kind = "ip"
    confidence = 0.9
    opens = WORD
    name = "ipv6"
    prefilter = rb"(?i)[0-9A-F]{1,4}:(?:[0-9A-F]{1,4}:){3}|[0-9A-F]{2}::|::FFFF:"

    def __init__(self) -> None:
        self._pattern = compile_pattern(rb"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
        self._word = compile_pattern(rb"[\w\xe9]")

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield addresses, without prefix length or port."""
        for match in self._pattern.finditer(data):
            start, end = match.start(), match.end()
            around = data[max(0, start - 1) : start] + data[end : end + 1]
            while end > start and data[end - 1] in b".:" and data[end - 2 : end] != b"::":
                end -= 1
            if not self._word.search(around) and _is_host(data[start:end]):
                yield Span(start, end)


def _is_host(text: bytes) -> bool:
    if len(text) > 45 or not any(char in b"0123456789" for char in text):
        return False
    try:
        address = IPv6Address(text.decode())
    except AddressValueError:
        return False
    groups = text.split(b":")
    if len(groups) == _GROUPS and max(map(len, groups)) > 2 and all(groups):
        # With all eight groups it is an address, whatever its range.
        return True
    return any(address in network for network in _V6_IN_USE)
