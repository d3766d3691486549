"""Telephone numbers: of any country in international form, of some countries in national form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import Span
from extauth.content.privacy.recognisers.numbering import is_international, region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


_PUNCTUATION = b" .-/()+"
_SHORTEST = 7
_LONGEST = 15
_NAMED = (
    rb"(?i)(?:\b(?:tel|telephone|telefone?|telefono|tel\xe9fono|t\xe9l\xe9phone|t\xe9l|phone|mobile"
    rb"|mobil|cell|cellphone|fax|whatsapp|handy|m\xe9vil|portable|celular|cellulare|telem\xe9vel"
    rb"|telefoon|gsm|kom\xe9rka|mobiltelefon|puhelin|telefonnummer|handynummer|mobilnummer|cep)"
    rb"(?:[ ](?:number|no|nr|num|n\xe9))?\.?|\bt:)"
    rb"(?:[ \t]{0,2}[:#=\x1f][ \t\x1f]{0,3}|[ \t]{1,3}|\x1f)"
)
_NO_PHONE = compile_pattern(
    rb"\A(?:\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}[./\-]\d{1,2}[./\-]\d{4}"
    rb"|\d{1,2}\.\d{1,2}\.\d{2}|(?:\d{1,3}\.){3}\d{1,3})(?:[ ].*)?\z"
)
_OPENS = rb"[+(\d][\d .\-/()+]{0,500}[xX]?"

_JOINED_BEFORE = compile_pattern(rb"(?:[\w\xe9$#+]|\d[.,:/\-])\z")
_JOINED_AFTER = compile_pattern(rb"\A(?:[a-wyzA-WYZ_\xe9\d]|[xX]\D|[.,:/\-]\d)")
_DATE = compile_pattern(rb"\A\d{1,2}[./\-]\d{1,2}[./\-]\d{4}\b")


class InternationalPhoneRecogniser:
    """`+49 30 123456`, `0044 20 7946 0018`: calling code first, valid in that country's plan.

    ITU-T E.123 and its usual variants. After two leading zeros, the calling code needs a separator
    behind it; otherwise it is taken for an identifier.
    """

    kind = "phone"
    confidence = 0.9
    opens = _OPENS
    name = "phone-international"
    prefilter = rb"\+[ (]{0,2}[1-9](?:[ .\-/()]{0,3}\d){6}|\b00[ ]?[1-9]\d{0,2}[ .\-/(]{1,3}\d"

    def __init__(self) -> None:
        self._pattern = compile_pattern(
            rb"(?:\+[ (]{0,2}[1-9]|\b00[ ]?[1-9]\d{0,2}[ .\-/(]{1,3}\d)(?:[ .\-/()]{0,3}\d){5,19}"
        )

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield numbers, without groups of digits that can't belong to them."""
        for match in self._pattern.finditer(data):
            if not data[max(0, match.start() - 1) : match.start()].isalnum():
                yield from _longest_valid(data, match.start(), match.end(), is_international)


class NationalPhoneRecogniser:
    """Numbers with separators, written as in one country: `(415) 555-2671`, `030 123456`."""

    kind = "phone"
    confidence = 0.9
    opens = _OPENS

    __slots__ = ("_is_valid", "_pattern", "name", "prefilter")

    def __init__(self, code: str) -> None:
        home = region(code)
        self.name = f"phone-{code.lower()}"
        self.prefilter = home.written
        self._is_valid = home.plan.is_valid
        self._pattern = compile_pattern(home.written, longest=True)

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield numbers that are neither part of a longer one nor a date."""
        for match in self._pattern.finditer(data):
            start, end = match.start(), match.end()
            if _JOINED_BEFORE.search(data[max(0, start - 2) : start]):
                continue
            if not _DATE.search(data[start:end]):
                yield from _longest_valid(data, start, end, self._is_valid)


class CuedPhoneRecogniser:
    """Digits without a separator, valid in one of the regions, behind a word such as `call`."""

    kind = "phone"
    confidence = 0.9
    opens = _OPENS
    name = "phone-cued"
    prefilter = (
        rb"(?i)\b(?:tel|telephone|telefon|phone|mobile|mobil|cell|cellphone|call|fax|whatsapp|sms"
        rb"|dial|ring|handy|contact)\b[^\d\n]{0,24}\d{7}"
    )

    def __init__(self, codes: Sequence[str]) -> None:
        self._plans = tuple(region(code).plan for code in codes)
        self._pattern = compile_pattern(self.prefilter.removesuffix(rb"\d{7}") + rb"(\d{7,15})")

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield numbers that stand free behind their cue."""
        for match in self._pattern.finditer(data):
            start, end = match.start(1), match.end(1)
            if _JOINED_AFTER.search(data[end : end + 2]):
                continue
            if any(plan.is_valid(data[start:end]) for plan in self._plans):
                yield Span(start, end)


class NorthAmericanPhoneRecogniser:
    """`(415) 555-2671`, `415.555.2671x12`: the form counts, whether the number is in use or not."""

    kind = "phone"
    confidence = 0.7
    opens = _OPENS
    name = "phone-format"
    prefilter = rb"[2-9]\d\d(?:\)[ ]?|[.\-])[2-9]\d\d[.\-]\d{4}"

    def __init__(self) -> None:
        self._pattern = compile_pattern(
            rb"(?:(?:\+1|\b001|\b1)[ .\-]?)?"
            rb"(?:\([2-9]\d\d\)[ ]?[2-9]\d\d[.\-]|[2-9]\d\d-[2-9]\d\d-|[2-9]\d\d\.[2-9]\d\d\.)\d{4}"
        )

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield numbers without their extension that are not part of a longer one."""
        for match in self._pattern.finditer(data):
            start, end = match.start(), match.end()
            before, behind = data[max(0, start - 2) : start], data[end : end + 2]
            if not _JOINED_BEFORE.search(before) and not _JOINED_AFTER.search(behind):
                yield Span(start, end)


class NamedPhoneRecogniser:
    """A number of any country in national form, behind a word for a telephone number.

    The plan is unknown, so seven to fifteen digits are enough; dates and IP addresses do not count.
    """

    kind = "phone"
    confidence = 0.7
    opens = _OPENS
    name = "phone-named"
    prefilter = _NAMED + rb"[\d(+][\d .\-/()]{5}"

    def __init__(self) -> None:
        self._pattern = compile_pattern(_NAMED + rb"([+(]?\d[\d .\-/()]{5,22})")

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield numbers that stand free behind their word."""
        for match in self._pattern.finditer(data):
            start = match.start(1)
            end = start + len((match.group(1) or b"").rstrip(_PUNCTUATION))
            written = data[start:end]
            if _JOINED_AFTER.search(data[end : end + 2]) or _NO_PHONE.search(written):
                continue
            if _SHORTEST <= len(written.translate(None, _PUNCTUATION)) <= _LONGEST:
                yield Span(start, end)


def _longest_valid(
    data: bytes, start: int, end: int, is_valid: Callable[[bytes], bool]
) -> Iterator[Span]:
    """Yield the valid number with the most groups that begins at `start`, if there is one."""
    if _JOINED_AFTER.search(data[end : end + 2]):
        end = _last_gap(data, start, end)
    while end > start:
        digits = data[start:end].translate(None, _PUNCTUATION)
        if len(digits) < _SHORTEST:
            return
        if is_valid(digits):
            yield Span(start, end)
            return
        end = _last_gap(data, start, end)


def _last_gap(data: bytes, start: int, end: int) -> int:
    """Return the end of the groups before the last space."""
    gap = data.rfind(b" ", start, end)
    return start + len(data[start:gap].rstrip(_PUNCTUATION)) if gap > start else start
