"""The guard's facts: attacks on the model and denied topics in a request's texts."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from extauth.content.escapes import unescaped
from extauth.content.guard.scorer import Scorer, score
from extauth.content.guard.topics import Topic, Topics
from extauth.content.guard.unseen import decoded, invisible
from extauth.content.pattern import compile_pattern
from extauth.errors import ConfigurationError
from extauth.types import GuardFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth.types import Source

# An address with a place to put data in, or an image, which is fetched without a click.
_LEAK = compile_pattern(rb'!\[[^\]\n]*\]\(\s?https?://|https?://[^\s)>"{<]+(?:[{<]|=(?:[\s)\]]|$))')


class _Guard(msgspec.Struct, frozen=True):
    topics: dict[str, Topic] = {}


class _GuardData(msgspec.Struct, frozen=True):
    guard: _Guard = _Guard()


class Guard:
    """Computes the guard's facts of a request. Immutable, safe to share between threads.

    The application's own texts (system prompts, tool definitions, stop strings) and the model's
    earlier answers are neither attacks nor topics. Both are only searched for invisible characters.
    """

    __slots__ = ("_scorer", "_topics")

    def __init__(self, topics: Mapping[str, Topic] | None = None) -> None:
        self._scorer = Scorer()
        self._topics = Topics(topics or {})

    @classmethod
    def of_data(cls, path: Path) -> Guard:
        """Return a guard with the topics of a snapshot's policy data. Raises ConfigurationError."""
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=_GuardData).guard.topics)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationError(f"policy data guard.topics: {error}") from None

    def facts(self, texts: Sequence[str], sources: Sequence[Source]) -> GuardFacts:
        """Return the facts of `texts`; `sources` has the source of each.

        Linear in their length. Texts of one source are read as one text, in their order.
        """
        unseen = sum(map(invisible, texts))
        user = _joined(texts, sources, "user")
        documents = _joined(texts, sources, "document")
        encoded = 0
        links = 0
        topics: set[str] = set()
        found: list[dict[str, float]] = []
        for text in (user, documents):
            if not text:
                found.append({})
                continue
            # Tools answer in JSON, where the end of a line is an `n`, or in HTML.
            plain = unquote(html.unescape(unescaped(text)[0]))
            readings = (text,) if plain == text else (text, plain)
            inner = [run for reading in readings for run in decoded(reading)]
            encoded += len(inner)
            found.append(self._scorer.families(*readings, encoded=inner))
            links += _leaks(plain)
            topics = topics.union(*map(self._topics.found, (*readings, *inner)))
        return GuardFacts(
            score=score(*found),
            families=tuple(sorted(found[0].keys() | found[1].keys())),
            invisible=unseen,
            encoded=encoded,
            links=links,
            topics=tuple(sorted(topics)),
        )


def _leaks(text: str) -> int:
    if "://" not in text:
        return 0
    return sum(1 for _ in _LEAK.finditer(text.encode("utf-8", "replace")))


def _joined(texts: Sequence[str], sources: Sequence[Source], source: Source) -> str:
    return "\n".join([text for text, its in zip(texts, sources, strict=True) if its == source])
