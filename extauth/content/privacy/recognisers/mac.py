"""MAC addresses (EUI-48), in every notation in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIR = rb"[0-9A-Fa-f]{2}"
_GROUPED = (
    _PAIR + rb"(?::" + _PAIR + rb"){5}|" + _PAIR + rb"(?:-" + _PAIR + rb"){5}"
    rb"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"
)
_CUE = rb"(?i:\bmac|hwaddr|hw ?addr|\bether|bssid|hardware addr\w*|physical addr\w*)"
_NOBODYS = frozenset({b"0" * 12, b"f" * 12})
_DIGITS = 12


class MacRecogniser:
    """Six pairs with colons or hyphens, three groups with dots, or twelve digits behind a cue.

    The broadcast address, zeros, and parts of a longer row of pairs, such as a key's fingerprint,
    do not count.
    """

    kind = "mac"
    confidence = 0.9
    opens = WORD
    name = "mac"
    prefilter = (
        rb"(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"
        rb"|" + _CUE + rb"[^\n]{0,16}[0-9A-Fa-f]{12}"
    )

    def __init__(self) -> None:
        self._pattern = compile_pattern(
            rb"(" + _GROUPED + rb")|" + _CUE + rb"[^0-9\n]{0,16}?\b([0-9A-Fa-f]{12})\b"
        )
        self._before = compile_pattern(rb"(?:[\w\xe9]|[0-9A-Fa-f][:\-.])\z")
        self._after = compile_pattern(rb"\A(?:[\w\xe9]|[:\-.][0-9A-Fa-f])")

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield addresses of a station or a group."""
        for match in self._pattern.finditer(data):
            group = 1 if match.group(1) is not None else 2
            start, end = match.start(group), match.end(group)
            if self._after.search(data[end : end + 2]):
                continue
            if self._before.search(data[max(0, start - 2) : start]):
                continue
            digits = data[start:end].translate(None, b":-.").lower()
            if (
                len(digits) == _DIGITS
                and digits not in _NOBODYS
                and not _is_number(data[start:end])
            ):
                yield Span(start, end)


def _is_number(written: bytes) -> bool:
    """Return whether it is another number: twelve decimal digits, in three groups or in one."""
    return b":" not in written and b"-" not in written and written.replace(b".", b"").isdigit()
