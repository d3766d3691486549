"""A scanner that finds sensitive data in a text in pieces, before any of it is released."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.fold import fold, offsets
from extauth.content.privacy.recogniser import CONTEXT, HELD

if TYPE_CHECKING:
    from collections.abc import Collection

    from extauth.content.pattern import Pattern
    from extauth.content.privacy.detector import Detector
    from extauth.content.privacy.finding import Finding
    from extauth.content.privacy.restorer import Restorer

LIMIT: Final = HELD + 256
"""Characters without a break after which the first of them are released all the same."""

LONGEST: Final = 21 * LIMIT
"""Characters of a private key block, a signed token or another long secret held back at most."""

_WINDOW = HELD + 16
_GLANCE = 48
_STRIDE = 16

# A text may break behind spaces, and behind letters of scripts that are written without them.
_break = re.compile("[\\s\u0590-\U0010ffff]")

_LINE_END = rb"(?:\s|\\[nr])"
_ARMOUR = compile_pattern(
    # The beginning of RFC 7468 and OpenPGP armour, as the recogniser reads them, to the text's end.
    rb"-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY(?: BLOCK)?(?:-{1,4}|-----"
    rb"(?:" + _LINE_END + rb"*[A-Za-z\-]+: [^\n\\]*)*"
    rb"(?:" + _LINE_END + rb"*[A-Za-z0-9+/]{16,}={0,2})*"
    rb"(?:" + _LINE_END + rb"*=?[A-Za-z0-9+/]{0,64}={0,2}:?){0,2}"
    rb"" + _LINE_END + rb"*\\?(?:-{0,5}|-----E(?:N(?:D[A-Z0-9 ]*)?)?-{0,4}))?)?"
)
_BEGIN = "-----BEGIN "
_count = re.compile(rb"\\.|\{(\d+),(\d+)\}", re.DOTALL)
_COUNTED = 64
_REMEMBERED = 64
_MEMORY = 32 << 20
_HELD = str(HELD).encode()
# Addresses, URLs and values may go on in scripts without spaces too.
_RUN = rb"(?:://|@|=[ \t]{0,4})\S{0," + _HELD + rb"}"
# Own terms: in scripts without spaces a word may go on anywhere, and a phrase behind a space.
_TERM = rb"\S{1," + _HELD + rb"}"
_PHRASE = rb"(?s).{1," + _HELD + rb"}"
_LINES = "Private-Lines: "
_lines = re.compile(r"Private-Lines: \d{1,3}(?:\r?\n[A-Za-z0-9+/=]{0,64}){0,99}\r?", re.ASCII)
_token = re.compile(r"(?<![A-Za-z0-9_])eyJ[\w\-]*(?:\.[\w\-]*){0,4}\Z", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Scanned:
    """A released part of the text, and its findings, at offsets in the part."""

    text: str
    findings: tuple[Finding, ...]


class StreamScanner:
    """Scans one text for these kinds, piece by piece.

    The output of `feed` and `finish`, joined, is the text, and the findings are those of
    `Detector.detect` on the whole text, of these kinds. They are the same however the text was cut:
    a text breaks only where no recogniser's `opens` matches, which depends only on the text before.
    Placeholders of `restorer` are never part of a finding.

    Holds back the last word, and what could still become a finding or change one: at most `LIMIT`
    characters, or `LONGEST` of what looks like a private key block or a signed token, or is a
    finding already. The findings may differ from `detect`'s only beyond these bounds:

    - In a stretch of more than `LIMIT` characters without a break, such as JSON without spaces, the
      first part of a candidate of more than `HELD` is missed, unless it is a finding by the time
      that the bound is reached.
    - A finding of more than `LONGEST` characters ends there.

    A feed that releases nothing costs under a microsecond; any other costs a detection in the
    released text and `CONTEXT` characters before it. Holds text of the answer, which its repr does
    not show. Belongs to one task.
    """

    __slots__ = ("_base", "_detector", "_kinds", "_limit", "_restorer", "_text", "_tried")

    def __init__(
        self, detector: Detector, kinds: Collection[str], restorer: Restorer | None = None
    ) -> None:
        self._detector = detector
        self._kinds = frozenset(kinds)
        self._restorer = restorer
        # The held text begins at `_base`, with up to `_WINDOW` released characters in front.
        self._text = ""
        self._base = 0
        # Every break up to here was taken. `_limit` is the current bound on held characters.
        self._tried = 0
        self._limit = LIMIT

    def __repr__(self) -> str:
        return f"StreamScanner({len(self._text) - self._base} characters held)"

    def whole(self, text: str) -> Scanned:
        """Scan a whole text at once; nothing may be fed before. The findings are `detect`'s."""
        self._text = text
        return self._release(len(text))

    def feed(self, delta: str) -> Scanned:
        """Take the next piece; return the part that is certain by now, perhaps nothing."""
        self._text += delta
        if _break.search(delta) is None and len(self._text) - self._base < self._limit:
            return _NOTHING
        return _joined(self._advance())

    def finish(self) -> Scanned:
        """End the text; return what was held back. Calling it again returns nothing."""
        scanned = self._advance()
        scanned.append(self._release(len(self._text)))
        return _joined(scanned)

    def _advance(self) -> list[Scanned]:
        """Release the text up to the last break, and what exceeds the bound."""
        scanned: list[Scanned] = []
        settled = self._base
        while True:
            full = settled + self._limit
            reach = min(full, len(self._text))
            further = self._last_break(settled, reach)
            if further > settled:
                settled, self._limit = further, LIMIT
            elif reach < full:
                break
            else:
                if settled > self._base:
                    scanned.append(self._release(settled))
                scanned.append(self._release_over(self._base + self._limit))
                settled = self._base
        if settled > self._base:
            scanned.append(self._release(settled))
        return scanned

    @property
    def _opens(self) -> Pattern:
        return _opens(self._detector, self._kinds)

    def _last_break(self, start: int, end: int) -> int:
        """Return the last position in `(start, end]` at which nothing is open; or `start`."""
        low, high = max(start, self._tried), end
        self._tried = max(self._tried, end)
        while high > low:
            stride = max(low, high - _STRIDE)
            for match in reversed(list(_break.finditer(self._text, stride, high))):
                if self._breaks(match.end()):
                    return match.end()
            high = stride
        return start

    def _breaks(self, at: int) -> bool:
        """Return whether text after `at` can neither change a finding before it nor extend one."""
        tail = ""
        # An open candidate mostly shows in a short tail, which is faster to fold.
        for size in (_GLANCE, _WINDOW):
            tail = self._text[max(0, at - size) : at]
            data = tail.encode() if tail.isascii() else fold(tail)
            if self._opens.search(data) is not None:
                return False
        if self._restorer is not None and self._restorer.unfinished(tail) < len(tail):
            return False
        return self._armour(at) is None and (tail[-1].isspace() or not self._ends_one(at))

    def _ends_one(self, at: int) -> bool:
        """Return whether a finding ends at `at`: without a space behind it, it may go on."""
        text = self._text[max(0, at - 2 * CONTEXT) : at]
        return any(
            f.end == len(text) and f.kind in self._kinds for f in self._detector.detect(text)
        )

    def _armour(self, end: int) -> int | None:
        """Return the start of a private key block that has not ended before `end`."""
        lines = self._text.rfind(_LINES, self._base, end)
        if lines >= 0 and _lines.fullmatch(self._text, lines, end) is not None:
            return lines
        begin = self._text.rfind(_BEGIN, self._base, end)
        if begin < 0 or _ARMOUR.fullmatch(fold(self._text[begin:end])) is None:
            return None
        return begin

    def _release_over(self, end: int) -> Scanned:
        """Release what is not open of `[base, end)`, in which no break is."""
        at = self._held_from(end)
        if at > self._base:
            found = self._found(end)
            while straddling := [f.start for f in found if f.start < at < f.end]:
                at = min(straddling)
            if at > self._base:
                return self._release(at, [finding for finding in found if finding.start < at])
        if self._limit < LONGEST:
            self._limit += LIMIT
            return _NOTHING
        return self._release(end)

    def _held_from(self, end: int) -> int:
        """Return the start of what could still become a finding or a placeholder."""
        start = max(0, end - _WINDOW)
        tail = self._text[start:end]
        data = fold(tail)
        match = self._opens.search(data)
        at = end
        if match is not None:
            place = match.start()
            at = start + (place if len(data) == len(tail) else offsets(tail)[place])
        if self._restorer is not None:
            at = min(at, start + self._restorer.unfinished(tail))
        token = _token.search(self._text, self._base, end)
        if token is not None:
            at = min(at, token.start())
        armour = self._armour(end)
        return at if armour is None else min(at, armour)

    def _found(self, end: int) -> list[Finding]:
        """Return the findings that end before `end`, cut to what was not released yet."""
        start = max(0, self._base - CONTEXT)
        text = self._text[start:end]
        findings = [f for f in self._detector.detect(text) if f.kind in self._kinds]
        if not findings:
            return findings
        base, spans = self._base - start, self._restorer.spans(text) if self._restorer else ()
        found = []
        for finding in findings:
            if finding.end > base:
                for begin, stop in _without(max(finding.start, base), finding.end, spans):
                    if text[begin:stop].strip():
                        found.append(replace(finding, start=start + begin, end=start + stop))
        return found

    def _release(self, end: int, found: list[Finding] | None = None) -> Scanned:
        base, text = self._base, self._text
        if found is None:
            found = self._found(end)
        findings = [replace(f, start=f.start - base, end=f.end - base) for f in found]
        gone = max(0, end - _WINDOW)
        self._text, self._base = text[gone:], end - gone
        self._tried = max(self._tried - gone, self._base)
        self._limit = LIMIT
        return Scanned(text[base:end], tuple(findings))


_NOTHING = Scanned("", ())


def _joined(scanned: list[Scanned]) -> Scanned:
    if len(scanned) == 1:
        return scanned[0]
    findings: list[Finding] = []
    length = 0
    for stretch in scanned:
        findings += [
            replace(f, start=length + f.start, end=length + f.end) for f in stretch.findings
        ]
        length += len(stretch.text)
    return Scanned("".join(stretch.text for stretch in scanned), tuple(findings))


def _without(start: int, end: int, spans: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of `[start, end)` outside the spans, which are sorted."""
    rest = []
    for first, last in spans:
        if first < end and last > start:
            if start < first:
                rest.append((start, first))
            start = last
    if start < end:
        rest.append((start, end))
    return rest


def _opens(detector: Detector, kinds: frozenset[str]) -> Pattern:
    """Return a pattern of the end of a text that is still open. RE2 reads it backwards."""
    known = detector.opens.get(kinds)
    if known is None:
        # A policy asks for few sets of kinds; if there are many, some are compiled again.
        if len(detector.opens) >= _REMEMBERED:
            detector.opens.clear()
        known = detector.opens[kinds] = _compiled(_open_patterns(detector, kinds))
    return known


def _open_patterns(detector: Detector, kinds: frozenset[str]) -> tuple[bytes, ...]:
    opens = dict.fromkeys(each.opens for each in detector.recognisers if each.kind in kinds)
    opens[_RUN] = None
    if not kinds.isdisjoint(detector.terms.kinds):
        opens[_PHRASE if detector.terms.has_spaces else _TERM] = None
    return tuple(opens)


@lru_cache(maxsize=64)
def _compiled(opens: tuple[bytes, ...]) -> Pattern:
    unbounded = b"|".join(_count.sub(_uncounted, each) for each in opens)
    return compile_pattern(rb"(?:" + unbounded + rb")\z", memory=_MEMORY)


def _uncounted(count: re.Match[bytes]) -> bytes:
    """Return a repetition without its bound: the window bounds it, and counting is slow."""
    least, most = count.group(1, 2)
    if most is None or int(most) < _COUNTED or int(least) > 1:
        return count.group()
    return b"+" if int(least) else b"*"
