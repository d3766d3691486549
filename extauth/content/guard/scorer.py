"""A text's likeness to an attack on the model, 0 to 1, by families of patterns."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from extauth.content.guard.cues import cues
from extauth.content.guard.disguise import undisguised
from extauth.content.guard.skeleton import skeleton
from extauth.content.pattern import PatternSet, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

SUREST: Final = 3
"""Families combined at most, so that many faint signs in a long text do not add up."""

_ENCODING = 0.5
_QUOTED = 0.5
_MANY_SHOT, _FLOOD = 0.5, 0.35
_SHOTS = 24
_LONG = 8 << 10
_REPETITIVE = 40

# Words of texts that quote an attack to talk about it: articles, tests, translations, lessons.
_ABOUT = compile_pattern(
    rb"\b(?:prompt injections?|injection attacks?|jailbreak(?:s|ing)? (?:attack|attempt|prompt|of)"
    rb"|attackers?|adversar|red.?team|owasp|guardrails?|vulnerab|security|classif|detect|phrases?"
    rb"|translate|ubersetze|traduis|traduce|traduci|the (?:term|sentence|line|string)|mean(?:s|ing)"
    rb"|grammar|assert|pytest|unittest|moderat|blocklist|phishing|malicious|exploit)"
)
_QUOTES = (b'"', b"'", b"`")
_AHEAD = 12
_NOT = compile_pattern(rb"\b(?:do not|don'?t|never|must not|should not|cannot|can'?t) $")
_TURN = compile_pattern(rb"(?:^|\n)\s*(?:user|human|q|question|person|nutzer|usuario|h)\s*[:>]")


class Scorer:
    """Searches for the shipped patterns. Immutable, safe to share between threads.

    The weight of a family is that of its surest match. The score is the probability that one of the
    three surest families is right: 1 - (1 - a)(1 - b)(1 - c). Text from a tool or a document counts
    twice, since it should contain no commands. A match inside quotation marks, in a text about
    attacks, counts half; a prohibition, as in `never ignore`, does not count.
    """

    __slots__ = ("_cues", "_patterns", "_set")

    def __init__(self) -> None:
        self._cues = cues()
        self._set = PatternSet([cue.source for cue in self._cues], utf8=True)
        self._patterns = [compile_pattern(cue.source, utf8=True) for cue in self._cues]

    def families(self, *readings: str, encoded: Iterable[str] = ()) -> dict[str, float]:
        """Return the weight of each family in a text, given in all of its readings.

        `encoded` are the decoded runs of the text. Linear in the text, whatever the text.
        """
        found: dict[str, float] = {}
        inner: dict[str, float] = {}
        for reads in map(skeleton, readings):
            _merge(found, self._found(reads))
            _merge(found, _shape(reads))
            for other in undisguised(reads):
                _merge(inner, self._found(other))
        for run in encoded:
            _merge(inner, self._found(skeleton(run)))
        if inner:
            # A family that shows only without the disguise was meant to be hidden.
            hidden = any(weight > found.get(family, 0) for family, weight in inner.items())
            _merge(found, inner)
            if hidden:
                _merge(found, {"encoding": _ENCODING})
        return found

    def _found(self, reads: bytes) -> dict[str, float]:
        hits = self._set.match(reads)
        if not hits:
            return {}
        about = _ABOUT.search(reads) is not None
        found: dict[str, float] = {}
        for hit in hits:
            family, weight, _ = self._cues[hit]
            if weight > found.get(family, 0):
                before = self._before(hit, reads)
                if before and all(map(_NOT.search, before)):
                    continue
                if about and all(ahead.rstrip(b" \n").endswith(_QUOTES) for ahead in before):
                    weight *= _QUOTED
                found[family] = max(weight, found.get(family, 0))
        return found

    def _before(self, hit: int, reads: bytes) -> list[bytes]:
        """Return the bytes directly before each match."""
        return [
            reads[max(0, match.start() - _AHEAD) : match.start()]
            for match in self._patterns[hit].finditer(reads)
        ]


def score(user: dict[str, float], documents: dict[str, float]) -> float:
    """Return the score of the user's and the documents' families, by the rule of `Scorer`."""
    weights = dict(user)
    _merge(weights, {name: 1 - (1 - weight) ** 2 for name, weight in documents.items()})
    clean = 1.0
    for weight in sorted(weights.values(), reverse=True)[:SUREST]:
        clean *= 1 - weight
    return round(1 - clean, 3)


def _shape(reads: bytes) -> dict[str, float]:
    """Return the families that show in the form of a text rather than in its words."""
    found = {}
    if b":" in reads and sum(1 for _ in _TURN.finditer(reads)) >= _SHOTS:
        found["many_shot"] = _MANY_SHOT
    if len(reads) >= _LONG and len(zlib.compress(reads, 1)) * _REPETITIVE < len(reads):
        found["flood"] = _FLOOD
    return found


def _merge(into: dict[str, float], other: dict[str, float]) -> None:
    for family, weight in other.items():
        if weight > into.get(family, 0):
            into[family] = weight
