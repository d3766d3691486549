"""Secrets that their own shape identifies: a prefix, an alphabet, a length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span

if TYPE_CHECKING:
    from collections.abc import Iterator


_WORD = compile_pattern(rb"[\w\xe9]")
_DIGIT = compile_pattern(rb"\d")
_STAND_IN = compile_pattern(
    rb"(?i)your[_\-]?|placeholder|redacted|changeme|replace[_\-]?me|insert[_\-]|dummy|xxxxxx"
)
_TAIL = 12
_FEWEST_DIFFERENT = 3


class TokenRecogniser:
    """A secret of one format that is not part of a longer word.

    The finding is the pattern's first group if `group` is 1. With `digit`, words without a digit do
    not count. A text that only shows the format (`ghp_xxxxxxxx`, `sk-your-key`) does not count,
    unless `literal`. `prefilter` is a part of the pattern that is cheap to search for.
    """

    kind = "secret"

    __slots__ = (
        "_digit",
        "_group",
        "_literal",
        "_pattern",
        "confidence",
        "name",
        "opens",
        "prefilter",
    )

    def __init__(
        self,
        name: str,
        prefilter: bytes,
        pattern: bytes,
        *,
        group: int = 0,
        digit: bool = False,
        literal: bool = False,
        confidence: float = 1.0,
        opens: bytes = WORD,
    ) -> None:
        self.name = name
        self.prefilter = prefilter
        self.confidence = confidence
        self.opens = opens
        self._pattern = compile_pattern(pattern)
        self._group = group
        self._digit = digit
        self._literal = literal

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield every token of this format."""
        for match in self._pattern.finditer(data):
            start, end = match.start(self._group), match.end(self._group)
            around = data[end : end + 1]
            if not self._group:
                around += data[max(0, start - 1) : start]
            if _WORD.search(around):
                continue
            value = data[start:end]
            if self._digit and not _DIGIT.search(value):
                continue
            if self._literal or not _shows_format(value):
                yield Span(start, end)


def _shows_format(value: bytes) -> bool:
    """Return whether `xxxx`, `****` or words stand in place of the secret."""
    tail = value[-_TAIL:].translate(None, b"-_.=")
    return len(set(tail)) < _FEWEST_DIFFERENT or _STAND_IN.search(value) is not None


_PEM_LINE_END = rb"(?:\s|\\[nr])"

GENERAL = (
    TokenRecogniser(
        "jwt",
        rb"eyJ[\w\-]{8}",
        # Signed tokens (RFC 7515), even unsigned ones, and encrypted ones (RFC 7516).
        rb"eyJ[\w\-]{8,}\.(?:eyJ[\w\-]{8,}\.[\w\-]*|[\w\-]*\.[\w\-]{8,}\.[\w\-]+\.[\w\-]{8,})",
        confidence=0.9,
    ),
    TokenRecogniser(
        "private-key",
        rb"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY",
        # RFC 7468 and OpenPGP armour, with line ends that may be escaped; a cut-off block as well.
        rb"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
        rb"(?:" + _PEM_LINE_END + rb"*[A-Za-z\-]+: [^\n\\]*)*"
        rb"(?:" + _PEM_LINE_END + rb"*[A-Za-z0-9+/]{16,}={0,2})+"
        rb"(?:(?:" + _PEM_LINE_END + rb"+=?[A-Za-z0-9+/]{1,64}={0,2}){0,2}"
        rb"" + _PEM_LINE_END + rb"*-----END [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----)?",
        literal=True,
        opens=rb"-{1,5}(?:B[A-Z0-9 ]{0,40}(?:-{1,5}[^\x1f]{0,460})?)?",
    ),
    TokenRecogniser(
        "putty-key",
        rb"PuTTY-User-Key-File-\d",
        rb"Private-Lines: \d{1,3}((?:\r?\n[A-Za-z0-9+/=]+)+)",
        group=1,
        literal=True,
        opens=rb"Private-Lines: [^\x1f]{0,490}",
    ),
    TokenRecogniser(
        "age-key", rb"AGE-SECRET-KEY-1", rb"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"
    ),
    TokenRecogniser(
        "wireguard-key",
        rb"(?i)privatekey\s?=\s?[a-z0-9+/]{8}",
        rb"(?i)privatekey\s?=\s?([a-z0-9+/]{42}[048AEIMQUYcgkosw]=)",
        group=1,
        opens=rb"[A-Za-z0-9+/]{1,43}=?",
    ),
    TokenRecogniser(
        "authorization",
        rb"(?i)\b(?:bearer|basic|apikey|ssws|authorization: ?(?:token|digest))[ \t]+[\w.~+/\-]{8}",
        rb"(?i)\b(?:bearer|basic|apikey|ssws|authorization: ?(?:token|digest))[ \t]+"
        rb"([\w.~+/\-]{16,}=*)",
        group=1,
        digit=True,
        confidence=0.9,
    ),
    TokenRecogniser(
        "basic-header",
        rb"(?i)authorization:\s?basic[ \t]",
        rb"(?i)authorization:\s?basic[ \t]+([a-z0-9+/]{8,}={0,2})",
        group=1,
        confidence=0.9,
    ),
)
"""Recognisers of formats that are not a vendor's."""
