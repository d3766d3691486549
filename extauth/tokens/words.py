"""A token count by words, with caches of the counts of words and of whole texts.

A conversation is sent again in full with every turn, and many requests share a system prompt.

Byte-pair models in the manner of GPT-2 split a text before they look for tokens, and a space
between two other characters always begins a part. So `" word"` has the same number of tokens
everywhere, and only new words need the tokenizer.
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
# Texts shorter than this are counted as fast as they are looked up.
_LONG: Final = 64
# Words learned from one text. With more new words, one call for the whole text is faster.
_LEARNED_AT_ONCE: Final = 32
_BREAK: Final = re.compile(r"(?<=\S) (?=\S)")
# Marks the first word of a text, which has no space in front. No other word begins with a space.
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


class _TokenizerFile(msgspec.Struct):
    model: _Model
    normalizer: msgspec.Raw | None = None
    pre_tokenizer: _PreTokenizer | None = None


class Words:
    """Counts of the words and texts seen last. Safe to share between threads.

    Both are stored by `hash`, whose key is random in each process: no text stays in memory.
    """

    def __init__(self, tokenize: Callable[[str], int]) -> None:
        """`tokenize` returns the number of tokens of any text."""
        self._tokenize = tokenize
        self._counts: dict[int, int] = {}
        self._texts: dict[int, int] = {}

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`, which must not be empty."""
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
        with contextlib.suppress(ValueError):  # raised by `index` after the last one
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
    """Return whether the model of this `tokenizer.json` splits a text at every single space.

    False unless the file is of a known form; its texts then have to be counted whole.
    """
    try:
        file = msgspec.json.decode(tokenizer, type=_TokenizerFile)
    except msgspec.MsgspecError:
        return False
    cuts = file.pre_tokenizer
    if file.normalizer is not None or file.model.type != "BPE" or file.model.dropout or not cuts:
        return False
    steps = cuts.pretokenizers if cuts.type == "Sequence" else [cuts]
    return all(map(_keeps_spaces, steps)) and any(map(_cuts, steps))


def _cuts(step: _PreTokenizer) -> bool:
    """Return whether the step splits in front of a space."""
    if step.type == "ByteLevel":
        return step.use_regex and not step.add_prefix_space
    known = step.type == "Split" and step.pattern.get("Regex") in _PATTERNS
    return known and step.behavior == "Isolated" and not step.invert


def _keeps_spaces(step: _PreTokenizer) -> bool:
    """Return whether the step treats each word independently of the words around it."""
    return (
        _cuts(step)
        or step.type == "Digits"
        or (step.type == "ByteLevel" and not step.add_prefix_space)
    )
