"""Addresses at the domains that RFC 2606 keeps for examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.content.privacy.stand_in.draw import Draw

_DOMAINS = ("example.com", "example.org", "example.net")


def email(text: str, draw: Draw) -> str:
    """Another name of the same shape at an example domain."""
    name, at, domain = text.rpartition("@")
    if not at:
        return draw.like(text)
    example = draw.one_of(_DOMAINS)
    return f"{draw.like(name)}@{example.upper() if domain.isupper() else example}"
