"""Stand-ins for e-mail, IP and MAC addresses: reserved for documentation, or without a vendor."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from extauth.content.privacy.stand_in.draw import bare, laid_out

if TYPE_CHECKING:
    from extauth.content.privacy.stand_in.draw import Draw

# RFC 2606.
_DOMAINS = ("example.com", "example.org", "example.net")
# RFC 5737.
_IPV4 = ("192.0.2", "198.51.100", "203.0.113")
# RFC 3849: 2001:db8::/32.
_IPV6 = 0x20010DB8 << 96
_LOCAL, _GROUP = 0b10, 0b01
_MAC_DIGITS = 12


def email(text: str, draw: Draw) -> str:
    """Return another name of the same shape, at a domain that RFC 2606 reserves for examples."""
    name, at, domain = text.rpartition("@")
    if not at:
        return draw.like(text)
    example = draw.one_of(_DOMAINS)
    return f"{draw.like(name)}@{example.upper() if domain.isupper() else example}"


def ip(text: str, draw: Draw) -> str:
    """Return an address of a documentation range; a prefix length or zone behind it stays."""
    end = next((at for at, char in enumerate(text) if char in "/%"), len(text))
    try:
        address = ip_address(text[:end])
    except ValueError:
        return draw.like(text)
    if isinstance(address, IPv4Address):
        return f"{draw.one_of(_IPV4)}.{1 + draw.below(254)}{text[end:]}"
    low = draw.below(1 << 32)
    # An abbreviated address stays short.
    high = (
        0 if "::" in address.compressed else draw.below(1 << 32) << 64 | draw.below(1 << 32) << 32
    )
    made = IPv6Address(_IPV6 | high | low).compressed
    return (made.upper() if text[:end].isupper() else made) + text[end:]


def mac(text: str, draw: Draw) -> str:
    """Return a locally administered address of one station, which belongs to no vendor."""
    digits = bare(text)
    if len(digits) < _MAC_DIGITS:
        return draw.like(text)
    first = draw.below(256) & ~_GROUP | _LOCAL
    rest = "".join(draw.one_of("0123456789ABCDEF") for _ in digits[2:])
    number = f"{first:02X}{rest}"
    # An original of digits alone has no case to copy.
    return _cased(number, text) if text.islower() or text.isupper() else laid_out(number, text)


def _cased(number: str, text: str) -> str:
    characters = iter(number.lower() if text.islower() else number)
    return "".join(next(characters) if char.isalnum() else char for char in text)
