"""Topics that a policy's data denies, by words and patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from extauth.content.guard.disguise import undisguised
from extauth.content.guard.skeleton import pattern_skeleton, skeleton
from extauth.content.pattern import PatternSet, compile_pattern
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Final = 10_000
"""Words and patterns of all topics together at most."""

# Scripts without spaces between words: a word may begin and end anywhere.
_RUNNING = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff]")
_GAP = r"[^\pL\pN.!?]+"


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A topic. `words` may be phrases; `patterns` are RE2, matched on lower case without marks."""

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


class Topics:
    """Finds denied topics in one pass. Immutable, safe to share between threads.

    Words are found whole, whatever their case, marks and look-alike letters; in scripts without
    spaces they are found anywhere. Raises ConfigurationError for a word or pattern that can't be
    searched for.
    """

    __slots__ = ("_names", "_set")

    def __init__(self, topics: Mapping[str, Topic]) -> None:
        named = [
            (name, source) for name, topic in topics.items() for source in _sources(name, topic)
        ]
        if len(named) > MOST:
            raise ConfigurationError(f"policy data guard.topics: over {MOST} words and patterns")
        self._names = tuple(name for name, _ in named)
        self._set = PatternSet([source for _, source in named], utf8=True) if named else None

    def found(self, text: str) -> set[str]:
        """Return the topics that `text` touches. Linear."""
        if self._set is None:
            return set()
        reads = skeleton(text)
        readings = (reads, *undisguised(reads))
        return {self._names[hit] for reading in readings for hit in self._set.match(reading)}


def _sources(name: str, topic: Topic) -> list[bytes]:
    sources = []
    for place, source in enumerate((*map(_word, topic.words), *map(_pattern, topic.patterns))):
        try:
            compiled = compile_pattern(source, utf8=True)
        except ValueError as error:
            at = f"patterns.{place - len(topic.words)}"
            raise ConfigurationError(f"policy data guard.topics.{name}.{at}: {error}") from None
        if compiled.search(b"") is not None:
            raise ConfigurationError(f"policy data guard.topics.{name}: it matches every text")
        sources.append(source)
    return sources


def _word(word: str) -> bytes:
    parts = skeleton(word).decode().split()
    written = _GAP.join(map(re.escape, parts))
    if not parts or _RUNNING.search(written):
        return written.encode()
    return rf"(?:^|[^\pL\pN]){written}(?:$|[^\pL\pN])".encode()


def _pattern(source: str) -> bytes:
    return b"(?i)" + pattern_skeleton(source).encode("utf-8", "replace")
