"""The restorer: puts originals back into a model's answer, whole or in pieces."""

from __future__ import annotations

import re
from bisect import bisect_left
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.content.markup import AddressReader

SLACK: Final = 24
"""Characters that a model may add to a placeholder beside its letters and digits."""

BEHIND: Final = 64
"""Characters behind a placeholder that are read, to see whether it is part of a host."""

_SPACES = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_MARKUP = "\\*_`~-\u2010\u2011\u2012\u2013\u2014\u2212\uff3f"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_SQUEEZE = {ord(char): None for char in _SPACES + _MARKUP + _INVISIBLE} | {
    code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code).isalnum()
}

# HTML's numeric and named references (WHATWG HTML, section 13.5).
_JOINTS = ("&#95;", "&#x5f;", "&lowbar;", "&underbar;", "&nbsp;", "&#160;")
_OPENING = ("&#91;", "&#x5b;", "&lsqb;", "&lbrack;")
_CLOSING = ("&#93;", "&#x5d;", "&rsqb;", "&rbrack;")
_PAIRS = {
    "[": ("]",),
    "\\[": ("\\]",),
    "\uff3b": ("\uff3d",),
    "\u3010": ("\u3011",),
    **dict.fromkeys(_OPENING, _CLOSING),
}
_LONGEST_SCHEME = 13
_LONG = 512
_FEW = 64

_start = re.compile("[\\[\\\\&\uff3b\u3010]|(?<![^\\W_])[^\\W\\d_]")
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{1,9}:(?://)?|")
_unfinished_scheme = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]{0,9}(?::/{0,2})?)?")


# What follows a placeholder directly, and makes it part of a host that some renderers link without
# a scheme: `.their.example/`. Domains of countries that are endings of files too are left out.
_labels = re.compile(r"[A-Za-z0-9.\-]*")
_host = re.compile(
    r"(?:[a-z0-9\-]*\.)+[a-z]{2,24}[/?#]"
    r"|(?:[a-z0-9\-]*\.){2,}(?:com|net|org|info|biz|dev|app|xyz|online|site|top|club|shop|cloud|link"
    r"|live|page|tech|(?!cc|cs|gz|hs|js|kt|md|ml|mm|pl|ps|py|rb|rs|sh|so|tf|ts|vb)[a-z]{2})"
    r"(?![a-z0-9\-])",
    re.IGNORECASE,
)


def canonical(text: str) -> str:
    """Return a placeholder's letters and digits, which identify it.

    Drops case, width, and what a model puts between them: spaces, line breaks, underscores,
    hyphens, Markdown's escapes and emphasis, and invisible characters.
    """
    return text.translate(_SQUEEZE).casefold()


def put_back(text: str, originals: Mapping[str, str], longest: int) -> str:
    """Return `text` with its placeholders replaced, if they are spelled as the masker does.

    For text that no model wrote, and a table that still grows. `longest` is the length of the
    longest key of `originals`; the keys are in canonical form.
    """
    if not originals or "[" not in text:
        return text
    pieces = text.split("[")
    for at in range(1, len(pieces)):
        piece = pieces[at]
        close = piece.find("]", 0, longest + SLACK)
        original = originals.get(canonical(piece[:close])) if close > 0 else None
        pieces[at] = "[" + piece if original is None else original + piece[close + 1 :]
    return "".join(pieces)


class _Found(NamedTuple):
    """A placeholder in a text, and its original."""

    start: int
    end: int
    original: str


class _Verdict(Enum):
    """A place that looks like the start of a placeholder and is NONE, or is still OPEN."""

    NONE = auto()
    OPEN = auto()


class Restorer:
    r"""Replaces the placeholders of one request by their originals.

    A placeholder is identified by its letters and digits, in order: kind, number, nonce. The nonce
    can't be guessed and occurs in no text of the request, so however the placeholder is spelled, it
    can only come from the masker. Everything that `canonical` drops may differ, and HTML references
    may stand for underscores and spaces, up to `SLACK` characters in all. Around it:

    - A pair of brackets is replaced with it: `[…]`, `\[…\]`, full-width, lenticular, or as HTML
      references. Any other characters around it stay: `(…)`, `**…**`, backticks.
    - Without a pair of brackets, no letter or digit may stand directly before or behind it.
    - The brackets of a Markdown link stay when its target is a placeholder without brackets, as in
      `[EMAIL_1_k3f9](mailto:EMAIL_1_k3f9)`.

    A number or a nonce that a model invents is not of this request and stays as it is. A
    placeholder as the masker wrote it is always restored exactly. `originals` maps
    `KIND_NUMBER_NONCE`, in any spelling, to the original. Immutable. Holds originals, so its repr
    shows none, and it lives as long as its request.
    """

    __slots__ = ("_firsts", "_keys", "_originals", "_reach")

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._originals = {canonical(key): original for key, original in originals.items()}
        self._keys = sorted(self._originals)
        self._firsts = frozenset(key[0] for key in self._keys)
        self._reach = max(map(len, self._keys), default=0) + SLACK

    def __repr__(self) -> str:
        return f"Restorer({len(self._keys)} placeholders)"

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def bound(self) -> int:
        """Characters that a stream may hold back at most: two placeholders at their longest.

        The second one is the target of a link.
        """
        return 2 * self._reach + _LONGEST_SCHEME + 2

    def restore(self, text: str) -> str:
        """Return `text` with its placeholders replaced. Linear; originals are not searched."""
        return self.resume(text, 0, final=True)[0]

    def resume(
        self, text: str, start: int, *, final: bool, reader: AddressReader | None = None
    ) -> tuple[str, int]:
        """Return `text` from `start` on, restored as far as it is certain, and where that ends.

        The character before `start`, if there is one, is only read. With `final` no more text
        follows, and all is certain. A placeholder stays where `reader`, which has read all before,
        tells that an address is `closed`.
        """
        found, end = self._search(text, start, final=final)
        pieces: list[str] = []
        for placeholder in found:
            before = text[start : placeholder.start]
            if reader is None:
                pieces += (before, placeholder.original)
                start = placeholder.end
                continue
            behind = placeholder.end + BEHIND
            if (
                not final
                and _labels.fullmatch(text, placeholder.end, behind)
                and behind > len(text)
            ):
                end = placeholder.start
                break
            pieces.append(reader.feed(before))
            start = placeholder.end
            if reader.closed or _host.match(text, start, behind):
                pieces.append(reader.feed(text[placeholder.start : start]))
            else:
                pieces.append(reader.put_back(placeholder.original))
        rest = text[start:end]
        pieces.append(rest if reader is None else reader.feed(rest))
        return "".join(pieces), end

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the spans of placeholders in `text`."""
        return [(found.start, found.end) for found in self._search(text, 0, final=True)[0]]

    def unfinished(self, text: str) -> int:
        """Return the offset from which `text` could still become a placeholder, or its length.

        Reads the last `bound` characters.
        """
        return self._search(text, max(0, len(text) - self.bound), final=False)[1]

    def _search(self, text: str, start: int, *, final: bool) -> tuple[list[_Found], int]:
        found: list[_Found] = []
        if not self._keys:
            return found, len(text)
        firsts = self._firsts
        if len(text) - start > _LONG and self._none_in(text):
            start = max(start, len(text) - self.bound)
        match = _start.search(text, start)
        while match:
            at = match.start()
            char = text[at]
            verdict: _Found | _Verdict = _Verdict.NONE
            if not char.isalpha():
                verdict = self._bracketed(text, at, final=final)
            elif char.lower() in firsts or not char.isascii():
                verdict = self._bare(text, at, at + self._reach, final=final)
            if verdict is _Verdict.OPEN:
                return found, at
            if isinstance(verdict, _Found):
                found.append(verdict)
                at = verdict.end - 1
            match = _start.search(text, at + 1)
        return found, len(text)

    def _none_in(self, text: str) -> bool:
        """Return True if it is clear at a glance that no placeholder is in `text`."""
        if len(self._keys) > _FEW or "&" in text:
            return False
        squeezed = canonical(text)
        return not any(key in squeezed for key in self._keys)

    def _bracketed(self, text: str, at: int, *, final: bool) -> _Found | _Verdict:
        """Return the placeholder whose opening bracket is at `at`."""
        opening = _at(text, at, _PAIRS, final=final)
        if isinstance(opening, _Verdict):
            return opening
        limit = at + self._reach
        start = self._behind_noise(text, at + len(opening), limit, (), final=final)
        inside = self._bare(text, start, limit, final=final) if isinstance(start, int) else start
        if isinstance(inside, _Verdict):
            return inside
        end = self._closed(text, inside.end, limit, _PAIRS[opening], final=final)
        if isinstance(end, _Verdict):
            return end
        linked = self._linked(text, end, final=final) if opening == "[" else _Verdict.NONE
        if linked is _Verdict.OPEN:
            return linked
        original = inside.original if linked is _Verdict.NONE else f"[{inside.original}]"
        return _Found(at, end, original)

    def _closed(
        self, text: str, at: int, limit: int, closes: tuple[str, ...], *, final: bool
    ) -> int | _Verdict:
        """Return the end of the bracket that closes a placeholder."""
        end = self._behind_noise(text, at, limit, closes, final=final)
        if isinstance(end, _Verdict):
            return end
        closing = _at(text, end, closes, final=final)
        return closing if isinstance(closing, _Verdict) else end + len(closing)

    def _bare(self, text: str, at: int, limit: int, *, final: bool) -> _Found | _Verdict:
        """Return the placeholder whose first letter is at `at`, without brackets."""
        keys, spelled, end = self._keys, "", len(text)
        place = at
        while place < min(end, limit):
            char = text[place]
            place += 1
            piece = canonical(char)
            if not piece:
                continue
            if char == "&":
                joint = _at(text, place - 1, _JOINTS, final=final)
                if isinstance(joint, _Verdict):
                    return joint
                place += len(joint) - 1
                continue
            spelled += piece
            nearest = bisect_left(keys, spelled)
            if nearest == len(keys) or not keys[nearest].startswith(spelled):
                return _Verdict.NONE
            if keys[nearest] == spelled:
                if place == end and not final:
                    return _Verdict.OPEN
                if place == end or not text[place].isalnum():
                    return _Found(at, place, self._originals[spelled])
        return _Verdict.NONE if final or place >= limit else _Verdict.OPEN

    def _linked(self, text: str, at: int, *, final: bool) -> _Found | _Verdict:
        """Return the placeholder that is the target of the link whose text ends at `at`."""
        if at == len(text) or (at + 1 == len(text) and text[at] == "("):
            return _Verdict.NONE if final else _Verdict.OPEN
        if text[at] != "(":
            return _Verdict.NONE
        if not final and _unfinished_scheme.fullmatch(text, at + 1):
            return _Verdict.OPEN
        scheme = _scheme.match(text, at + 1)
        start = scheme.end() if scheme else at + 1
        target = self._bare(text, start, start + self._reach, final=final)
        if isinstance(target, _Found) and text[target.end : target.end + 1] != ")":
            return _Verdict.NONE
        return target

    def _behind_noise(
        self, text: str, at: int, limit: int, unless: tuple[str, ...], *, final: bool
    ) -> int | _Verdict:
        """Return the first offset with a letter or digit that counts, or with one of `unless`."""
        while at < min(len(text), limit):
            if text.startswith(unless, at):
                return at
            if canonical(text[at]):
                joint = _at(text, at, _JOINTS, final=final) if text[at] == "&" else _Verdict.NONE
                if not isinstance(joint, str):
                    # The beginning of a joint may also be that of a bracket.
                    return at
                at += len(joint) - 1
            at += 1
        return _Verdict.NONE if final or at >= limit else _Verdict.OPEN


def _at(
    text: str, at: int, forms: Mapping[str, object] | tuple[str, ...], *, final: bool
) -> str | _Verdict:
    """Return the one of `forms` at `at`; OPEN if the text ends within one."""
    for form in forms:
        if text.startswith(form, at) or (
            form[0] == "&" and text[at : at + 9].lower().startswith(form)
        ):
            return form
    if not final:
        rest = text[at : at + 9].lower()
        if at + len(rest) == len(text) and any(form.startswith(rest) for form in forms):
            return _Verdict.OPEN
    return _Verdict.NONE


class StreamRestorer:
    """Restores a text that arrives in pieces; one restorer for each text of an answer.

    A placeholder stays one in an address that `reader` calls closed. The output, joined, is the
    same however the text was cut. Holds back only what could still become a placeholder, at most
    `Restorer.bound` characters, or with a `reader` a placeholder that could be part of a host, and
    `BEHIND` characters. Belongs to one task.
    """

    __slots__ = ("_before", "_held", "_reader", "restorer")

    def __init__(self, restorer: Restorer, reader: AddressReader | None = None) -> None:
        self.restorer = restorer
        # Without placeholders there is nothing that may not stand in an address.
        self._reader = reader if restorer else None
        self._before = ""
        self._held = ""

    def feed(self, delta: str) -> str:
        """Take the next piece; return the text that is certain by now, perhaps nothing."""
        return self._resume(delta, final=False)

    def finish(self, delta: str = "") -> str:
        """End the stream with `delta`; return what was held back. Again, it returns nothing."""
        return self._resume(delta, final=True)

    def _resume(self, delta: str, *, final: bool) -> str:
        start = len(self._before)
        text = self._before + self._held + delta
        restored, end = self.restorer.resume(text, start, final=final, reader=self._reader)
        self._held = text[end:]
        self._before = text[end - 1 : end] if end else ""
        return restored
