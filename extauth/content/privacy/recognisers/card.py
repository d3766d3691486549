"""Payment card numbers, ISO/IEC 7812."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stdnum import ean, luhn

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.content.pattern import Match

# Groupings that the networks print: 4-4-4-4 and its 17 to 19 digit forms, Amex, Diners.
_GROUPINGS = (
    (4, 4, 4, 4, 3),
    (4, 4, 4, 4, 2),
    (4, 4, 4, 4, 1),
    (4, 4, 4, 4),
    (4, 6, 5),
    (4, 6, 4),
    (6, 13),
)
_ARTICLE, _NEAR = 13, 32
_LONGEST = max(map(len, _GROUPINGS))
# Issuer identification ranges with the lengths that the networks issue in them.
_ISSUED = compile_pattern(
    rb"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    rb"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    rb"|3[47]\d{13}"  # American Express
    rb"|3(?:0[0-59]|[689]\d)\d(?:\d{10}|\d{12})"  # Diners Club
    rb"|35\d\d\d{12,15}|(?:2131|1800)\d{11}"  # JCB
    rb"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}"  # Discover, RuPay
    rb"|62\d{14,17}"  # UnionPay
    rb"|(?:5[06-8]\d|639|67\d)\d{10,16}"  # Maestro
    rb"|220[0-4]\d{12,15}"  # Mir
)


class CardRecogniser:
    """12 to 19 digits of a known issuer with a valid Luhn digit, in one piece or as printed.

    Parts of longer numbers, decimal fractions, identifiers and telephone numbers do not count.
    """

    kind = "card"
    confidence = 0.9
    opens = rb"\d(?:[ \-]?\d){0,500}[ \-]?"
    name = "card"
    prefilter = rb"\d{12}|\d{4}[ \-]\d{4}[ \-]\d{4}|\d{4}[ \-]\d{6}[ \-]\d{4}|\d{6}[ \-]\d{13}"

    def __init__(self) -> None:
        self._runs = compile_pattern(rb"\d(?:[ \-]?\d){11,}")
        self._continued = compile_pattern(rb"(?:[A-Za-z_\xe9+]|\d[.,])\z")
        self._cue = compile_pattern(
            rb"(?i)card|visa|credit|debit|karte|carte|tarjeta|carta|cart\xe9o|kort|kaart|kart"
        )
        self._continues = compile_pattern(rb"\A(?:[A-Za-z_\xe9]|\.\d)")

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield card numbers; a run of digits may contain several."""
        for run in self._runs.finditer(data):
            yield from self._find_in(data, run)

    def _find_in(self, data: bytes, run: Match) -> Iterator[Span]:
        spans, start = [], run.start()
        for group in data[start : run.end()].replace(b"-", b" ").split(b" "):
            spans.append(Span(start, start + len(group)))
            start += len(group) + 1
        first, last = 0, len(spans)
        if self._continued.search(data[max(0, run.start() - 2) : run.start()]):
            first = 1
        if self._continues.search(data[run.end() : run.end() + 2]):
            last -= 1
        while first < last:
            size = self._card_at(data, spans[first : min(last, first + _LONGEST)])
            if size == 1 and self._needs_cue(data, spans[first]):
                size = 0
            if size:
                yield Span(spans[first].start, spans[first + size - 1].end)
            first += size or 1

    def _needs_cue(self, data: bytes, span: Span) -> bool:
        """Return whether a number is too common, and no word for a card stands in front.

        Numbers of twelve digits and EANs are too common.
        """
        digits = data[span.start : span.end]
        common = len(digits) < _ARTICLE
        common = common or (len(digits) == _ARTICLE and ean.is_valid(digits.decode()))
        return common and self._cue.search(data[max(0, span.start - _NEAR) : span.start]) is None

    def _card_at(self, data: bytes, spans: list[Span]) -> int:
        """Return the number of groups, from the first on, that make one card; 0 if none do."""
        if _is_card(data[spans[0].start : spans[0].end]):
            return 1
        sizes = tuple(end - start for start, end in spans)
        for grouping in _GROUPINGS:
            size = len(grouping)
            if sizes[:size] == grouping and _is_card(
                b"".join(data[start:end] for start, end in spans[:size])
            ):
                return size
        return 0


def _is_card(digits: bytes) -> bool:
    return (
        12 <= len(digits) <= 19
        and _ISSUED.fullmatch(digits) is not None
        and luhn.is_valid(digits.decode())
    )
