"""The detector: all findings in a request's texts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from extauth.content.escapes import Unescaped
from extauth.content.pattern import PatternSet
from extauth.content.privacy.finding import Finding
from extauth.content.privacy.fold import fold, offsets
from extauth.content.privacy.literal import PREFILTER, Integers
from extauth.content.privacy.overlap import resolve
from extauth.content.privacy.seam import Seams
from extauth.content.privacy.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extauth.content.pattern import Pattern
    from extauth.content.privacy.recogniser import Recogniser

REGIONS = ("US", "GB")

_order = attrgetter("kind", "start")
_place = attrgetter("start", "end", "kind")


class Detector:
    """Finds every kind of `KINDS` except `person` and `location`, and a policy's own `terms`.

    Immutable, safe to share between threads and tasks. The first detector for some regions compiles
    the built-in patterns in less than a second; later ones share them. One pass over a text decides
    which recognisers have to look closer; for most texts, none. `regions` are ISO 3166 codes of the
    countries whose phone numbers are also found in national form; numbers in international form are
    found for every country.
    """

    __slots__ = ("_prefilter", "opens", "recognisers", "terms")

    def __init__(self, regions: Sequence[str] = REGIONS, terms: Terms | None = None) -> None:
        self.recognisers, self._prefilter = _built_in(tuple(regions))
        self.terms = terms or Terms()
        # By kinds, the compiled pattern for which a scanner holds a stream back.
        self.opens: dict[frozenset[str], Pattern] = {}

    def detect(self, text: str) -> tuple[Finding, ...]:
        """Return all findings, by start. Linear in the text, whatever the text; never raises.

        Includes findings behind JSON's escapes. A finding contains an escape whole or not at all.
        Findings of one kind never overlap. Findings of different kinds may: a card number inside an
        email address is both, and a policy that looks for cards has to see it. To replace text,
        apply `resolve` to the kinds to be replaced.
        """
        return _resolved(self._read(text, Unescaped.of(text)))

    def detect_all(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Return the findings of each text, including those that neighbouring texts show together.

        A card number that begins in one text and ends in the next is a finding in each, with its
        part. A date is a finding if the text before it ends with a question for the date of birth.
        Linear in all texts together.
        """
        found = [self.detect(text) for text in texts]
        if len(texts) < 2:
            return found
        for seams in Seams.of(texts):
            for parts in seams.split(self._find(seams.data)):
                if not any(_covered(part.finding, found[part.text]) for part in parts):
                    for part in parts:
                        found[part.text] = _resolved([*found[part.text], part.finding])
        return found

    def _read(self, text: str, inner: Unescaped | None) -> list[Finding]:
        """Return the findings in a text, and those in its unescaped forms."""
        data = text.encode() if text.isascii() else fold(text)
        found = self._find(data)
        if len(data) != len(text) and found:
            kept = offsets(text)
            found = [replace(f, start=kept[f.start], end=kept[f.end - 1] + 1) for f in found]
        found += self.terms.find(text)
        if inner is None:
            return found
        read = [
            replace(f, start=inner.offset(f.start), end=inner.offset(f.end))
            for f in self._read(inner.text, inner.inner)
        ]
        return [*(f for each in found if (f := _uncut(each, inner, read))), *read]

    def _find(self, data: bytes) -> list[Finding]:
        """Return the findings of the built-in recognisers in folded text, in no order."""
        matched = self._prefilter.match(data)
        found = self._found(data, matched)
        if len(self.recognisers) in matched:
            integers = Integers(data)
            matched = self._prefilter.match(integers.data)
            for each in self._found(integers.data, matched):
                span = integers.written(each.start, each.end)
                if span is not None:
                    found.append(replace(each, start=span[0], end=span[1]))
        return found

    def _found(self, data: bytes, matched: Iterable[int]) -> list[Finding]:
        number = len(self.recognisers)
        return [
            Finding(recogniser.kind, start, end, recogniser.name, recogniser.confidence)
            for recogniser in [self.recognisers[one] for one in matched if one < number]
            for start, end in recogniser.find(data)
        ]


def _uncut(finding: Finding, inner: Unescaped, read: Iterable[Finding]) -> Finding | None:
    """Return the finding widened to whole escapes; None if the unescaped text shows it better."""
    start, end = inner.whole(finding.start, finding.end)
    if (start, end) == (finding.start, finding.end):
        return finding
    return None if _covered(finding, read) else replace(finding, start=start, end=end)


def _covered(finding: Finding, known: Iterable[Finding]) -> bool:
    """Return whether a known finding of the same kind overlaps it."""
    return any(
        one.kind == finding.kind and one.start < finding.end and finding.start < one.end
        for one in known
    )


@cache
def _built_in(regions: tuple[str, ...]) -> tuple[tuple[Recogniser, ...], PatternSet]:
    """Return the recognisers for these regions, and the prefilter that selects among them."""
    # This import compiles patterns, which code that only reads a policy's terms does not need.
    from extauth.content.privacy.recognisers import recognisers  # noqa: PLC0415

    made = recognisers(regions)
    # The last one matches where numbers are to be read as integers.
    return made, PatternSet([*(recogniser.prefilter for recogniser in made), PREFILTER])


def _resolved(found: list[Finding]) -> tuple[Finding, ...]:
    if len(found) < 2:
        return tuple(found)
    found.sort(key=_order)
    resolved = [f for _, same in groupby(found, attrgetter("kind")) for f in resolve(same)]
    resolved.sort(key=_place)
    return tuple(resolved)
