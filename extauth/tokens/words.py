"""Counts tokens word by word, and remembers how many a word has, and a whole text.

Who goes on with a conversation sends all of it again, and the system prompt is everybody's.

Byte-pair models of GPT-2's line cut a text into pieces before they look for tokens, and a space
between two other characters always begins a piece. So `" word"` has as many tokens anywhere, and
a tokenizer is needed for new words only.
"""

from __future__ import annotations

import contextlib
import re
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REMEMBERED: Final = 16_384
_TEXTS_REMEMBERED: Final = 4_096
# A shorter text is counted as quickly as it is looked up.
_LONG: Final = 64
# With more unknown words, one call for the whole text is quicker; so many of them are learned.
_LEARNED_AT_ONCE: Final = 32
_BREAK: Final = re.compile(r"(?<=\S) (?=\S)")
# No other word begins with a space.
_FIRST: Final = " "

_CONTRACTION: Final = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST: Final = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_PATTERNS: Final = frozenset(
    {
        # Llama 3, and Qwen 2, whose digits stand alone.
        rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{_REST}",
        rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{_REST}",
    }
)


class _PreTokenizer(msgspec.Struct):
    type: str
    pretokenizers: list[_PreTokenizer] = []
    add_prefix_space: bool = True
    use_regex: bool = True
    pattern: dict[str, str] = {}
    behavior: str = ""
    invert: bool = False


class _Model(msgspec.Struct):
    type: str = ""
    dropout: float | None = None


class _File(msgspec.Struct):
    model: _Model
    normalizer: msgspec.Raw | None = None
    pre_tokenizer: _PreTokenizer | None = None


class Words:
    """The counts of the words and texts seen last. Safe to share between threads.

    Both are kept as their `hash`, which the process keys at random: no text stays in memory.
    """

    def __init__(self, tokenize: Callable[[str], int]) -> None:
        """`tokenize` counts the tokens of any text."""
        self._tokenize = tokenize
        self._counts: dict[int, int] = {}
        self._texts: dict[int, int] = {}

    def count(self, text: str) -> int:
        """The tokens of `text`, which is not empty."""
        if len(text) < _LONG:
            return self._add_up(text)
        count = self._texts.get(hash(text))
        if count is None:
            count = self._add_up(text)
            if len(self._texts) >= _TEXTS_REMEMBERED:
                self._texts.clear()
            self._texts[hash(text)] = count
        return count

    def _add_up(self, text: str) -> int:
        words = text.split()
        plain = text.count(" ") == len(words) - 1 == len(text) - sum(map(len, words))
        if not plain:
            words = _BREAK.split(text)
        words[0] = _FIRST + words[0]
        counts = list(map(self._counts.get, map(hash, words)))
        try:
            return sum(counts)  # type: ignore[arg-type]
        except TypeError:
            return self._learn(text, words, counts)

    def _learn(self, text: str, words: Sequence[str], counts: list[int | None]) -> int:
        unknown, place = [], -1
        with contextlib.suppress(ValueError):  # until there is no other
            while True:
                place = counts.index(None, place + 1)
                counts[place] = 0
                unknown.append(words[place])
        learned = {
            word: self._tokenize(word[1:] if word[0] == _FIRST else f" {word}")
            for word in islice(dict.fromkeys(unknown), _LEARNED_AT_ONCE)
        }
        if len(self._counts) >= _REMEMBERED:
            self._counts.clear()
        self._counts.update((hash(word), count) for word, count in learned.items())
        try:
            return sum(counts) + sum([learned[word] for word in unknown])  # type: ignore[arg-type]
        except KeyError:
            return self._tokenize(text)


def splits_at_spaces(tokenizer: str) -> bool:
    """Whether the model of this `tokenizer.json` cuts a text at every single space.

    Only where it is known to: otherwise a text has to be counted as a whole.
    """
    try:
        file = msgspec.json.decode(tokenizer, type=_File)
    except msgspec.MsgspecError:
        return False
    cuts = file.pre_tokenizer
    if file.normalizer is not None or file.model.type != "BPE" or file.model.dropout or not cuts:
        return False
    steps = cuts.pretokenizers if cuts.type == "Sequence" else [cuts]
    return all(map(_keeps_spaces, steps)) and any(map(_cuts, steps))


def _cuts(step: _PreTokenizer) -> bool:
    """Whether it cuts before a space."""
    if step.type == "ByteLevel":
        return step.use_regex and not step.add_prefix_space
    known = step.type == "Split" and step.pattern.get("Regex") in _PATTERNS
    return known and step.behavior == "Isolated" and not step.invert


def _keeps_spaces(step: _PreTokenizer) -> bool:
    """Whether what it does to a word has nothing to do with the words around it."""
    return (
        _cuts(step)
        or step.type == "Digits"
        or (step.type == "ByteLevel" and not step.add_prefix_space)
    )
