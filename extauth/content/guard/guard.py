"""From a request's texts to the facts about attacks and topics in them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from extauth.content.escapes import unescaped
from extauth.content.guard.encoded import decoded
from extauth.content.guard.invisible import invisible
from extauth.content.guard.scorer import Scorer, score
from extauth.content.guard.topics import Topic, Topics
from extauth.content.pattern import compile_pattern
from extauth.errors import ConfigurationError
from extauth.types import GuardFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth.types import Source

# An address with room for data in it, or an image, which is fetched without a click.
_LEAK = compile_pattern(rb'!\[[^\]\n]*\]\(\s?https?://|https?://[^\s)>"{<]+(?:[{<]|=(?:[\s)\]]|$))')


class _Guard(msgspec.Struct, frozen=True):
    topics: dict[str, Topic] = {}


class _Data(msgspec.Struct, frozen=True):
    guard: _Guard = _Guard()


class Guard:
    """Looks at what a client sent, once a request. Immutable, safe to share between threads.

    What the application itself says (system prompts, tool definitions, stop strings) is no attack
    on it and no topic; neither is what the model said before. Both are only searched for what
    nobody sees.
    """

    __slots__ = ("_scorer", "_topics")

    def __init__(self, topics: Mapping[str, Topic] | None = None) -> None:
        self._scorer = Scorer()
        self._topics = Topics(topics or {})

    @classmethod
    def of_data(cls, path: Path) -> Guard:
        """With the topics of a snapshot's policy data. Raises ConfigurationError."""
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=_Data).guard.topics)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationError(f"policy data guard.topics: {error}") from None

    def facts(self, texts: Sequence[str], sources: Sequence[Source]) -> GuardFacts:
        """What is to be told of `texts`, of which `sources` says whence each comes.

        Linear in their length. Texts of one source are read as one, in their order.
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
            # Tools answer in JSON, where a line ends with a letter; pages are HTML.
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
