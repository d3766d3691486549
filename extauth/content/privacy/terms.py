"""A policy's own terms: words, phrases and patterns in its data, as kinds of their own."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.finding import KINDS, Finding
from extauth.content.privacy.visible import Visible
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from extauth.content.pattern import Pattern

MOST_KINDS: Final = 64
MOST_TERMS: Final = 10_000
"""Words and patterns of all kinds together at most."""
LONGEST_WORD: Final = 128
"""Characters of a word or phrase at most."""
LONGEST_PATTERN: Final = 512
"""Characters of a pattern at most."""

_MEMORY = 64 << 20
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
# Unbounded repetitions, in the group; the other alternatives skip escapes and character classes.
_ENDLESS = re.compile(r"\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|([*+]|\{\d*,\})", re.DOTALL)
# Parts of a pattern that may match a space.
_SPACED = re.compile(r"[\s.]|\[\^|\\(?:[sWDCPtnrfvxX0]|p\{?Z)")
_GAP = r"\s{1,4}"
# Scripts without spaces between words: a word may begin and end anywhere.
_RUNNING = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff]"
)
_EDGE = r"[^\pL\pM\pN_]"


class TermFault(NamedTuple):
    """A defect of a term: its keys in the data, and a sentence."""

    path: tuple[str | int, ...]
    message: str


class TermList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of one kind. `words` may be phrases, in which a space matches up to four."""

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    case_sensitive: bool = False
    confidence: float = 0.9


class _TermsData(msgspec.Struct, frozen=True):
    terms: dict[str, TermList] = {}


class Terms:
    """Finds a policy's own terms. Immutable, safe to share between threads.

    Words are found whole (in scripts without spaces between words, anywhere), in any case unless
    `case_sensitive`. Patterns are RE2 syntax and are found anywhere; unbounded repetitions are
    refused, so that a text takes linear time whatever it contains. Both are found through invisible
    characters, full-width forms and look-alikes. Raises ConfigurationError for an unusable term.
    """

    __slots__ = ("_lists", "has_spaces")

    def __init__(self, terms: Mapping[str, TermList] | None = None) -> None:
        terms = terms or {}
        for fault in _faults(terms):
            raise ConfigurationError(
                f"policy data {'.'.join(map(str, fault.path))}: {fault.message}"
            )
        self._lists = tuple(_Compiled(kind, listed) for kind, listed in terms.items())
        self.has_spaces = any(
            re.search(r"\s", word) is not None for listed in terms.values() for word in listed.words
        ) or any(
            _SPACED.search(pattern) is not None
            for listed in terms.values()
            for pattern in listed.patterns
        )

    @classmethod
    def of_data(cls, data: bytes) -> Terms:
        """Return the terms in policy data, as JSON. Raises ConfigurationError."""
        try:
            return cls(msgspec.json.decode(data, type=_TermsData).terms)
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"policy data terms: {error}") from None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that the policy declares, in its order."""
        return tuple(compiled.kind for compiled in self._lists)

    def find(self, text: str) -> list[Finding]:
        """Return a finding for every term, kind by kind."""
        if not self._lists:
            return []
        visible = Visible(text)
        return [
            Finding(compiled.kind, *visible.span(start, end), compiled.name, compiled.confidence)
            for compiled in self._lists
            for start, end in compiled.find(visible.data)
        ]


def term_faults(terms: object) -> Iterator[TermFault]:
    """Yield the defects of `terms` in policy data."""
    try:
        yield from _faults(msgspec.convert(terms, dict[str, TermList]))
    except msgspec.ValidationError as error:
        yield TermFault(("terms",), str(error))


def _faults(terms: Mapping[str, TermList]) -> Iterator[TermFault]:
    if len(terms) > MOST_KINDS:
        yield TermFault(("terms",), f"{len(terms)} kinds; at most {MOST_KINDS}")
    count = sum(len(listed.words) + len(listed.patterns) for listed in terms.values())
    if count > MOST_TERMS:
        yield TermFault(("terms",), f"{count} words and patterns; at most {MOST_TERMS}")
        return
    for kind, listed in terms.items():
        path = ("terms", kind)
        if _KIND.fullmatch(kind) is None:
            yield TermFault(path, "a kind's name is a letter, then up to 31 of a-z, 0-9 and _")
        if kind in KINDS:
            yield TermFault(path, "the name of a built-in kind")
        if not 0 < listed.confidence <= 1:
            yield TermFault((*path, "confidence"), "must be above 0 and at most 1")
        for number, word in enumerate(listed.words):
            if not word.strip() or len(word) > LONGEST_WORD:
                yield TermFault(
                    (*path, "words", number), f"must have 1 to {LONGEST_WORD} characters"
                )
        for number, pattern in enumerate(listed.patterns):
            wrong = _wrong_with(pattern)
            if wrong:
                yield TermFault((*path, "patterns", number), wrong)


def _wrong_with(pattern: str) -> str | None:
    if not 0 < len(pattern) <= LONGEST_PATTERN:
        return f"must have 1 to {LONGEST_PATTERN} characters"
    try:
        compiled = compile_pattern(pattern.encode(), utf8=True)
    except (ValueError, UnicodeEncodeError) as error:
        return str(error)
    if any(found[1] for found in _ENDLESS.finditer(pattern)):
        return "repeats without end (*, + or {n,}); say how often at most: {0,20}"
    if compiled.search(b"") is not None:
        return "matches the empty text"
    return None


class _Compiled:
    """The terms of one kind, as patterns of visible text in UTF-8."""

    __slots__ = ("_patterns", "_words", "confidence", "kind", "name")

    def __init__(self, kind: str, listed: TermList) -> None:
        self.kind = kind
        self.name = f"terms-{kind}"
        self.confidence = listed.confidence
        flags = "" if listed.case_sensitive else "(?i)"
        self._words = tuple(_words(flags, listed.words))
        self._patterns = tuple(
            compile_pattern((flags + pattern).encode(), utf8=True) for pattern in listed.patterns
        )

    def find(self, data: bytes) -> Iterator[tuple[int, int]]:
        for pattern in self._words:
            match = pattern.search(data)
            while match is not None:
                yield match.start(1), match.end(1)
                # The character behind a word may also be the one in front of the next.
                match = pattern.search(data, match.end(1))
        for pattern in self._patterns:
            for match in pattern.finditer(data):
                if match.end() > match.start():
                    yield match.start(), match.end()


def _edges(word: str) -> tuple[bool, bool]:
    """Return whether a word needs a boundary in front, and behind."""
    first, last = (char.isalnum() and not _RUNNING.match(char) for char in (word[0], word[-1]))
    return first, last


def _words(flags: str, words: Iterable[str]) -> Iterator[Pattern]:
    """Yield a pattern for the words with the same boundaries; its group is the longest word."""
    shown = [Visible(word.strip()).data.decode() for word in words]
    for edges in product((False, True), repeat=2):
        literals = [
            _GAP.join(map(re.escape, word.split())) for word in shown if _edges(word) == edges
        ]
        if literals:
            before, behind = (
                f"(?:{end}|{_EDGE})" if need else "" for end, need in zip("^$", edges, strict=True)
            )
            source = f"{flags}{before}({'|'.join(literals)}){behind}"
            yield compile_pattern(source.encode(), longest=True, utf8=True, memory=_MEMORY)
