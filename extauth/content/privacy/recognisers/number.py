"""Numbers of many countries in one table: written forms, check, and cue words of each.

Where digits are dense, the text is cut into words with a digit in them and their separators; the
shape of a stretch of words (`AB 12-3` is `AA 99-9`) tells which numbers it can be. So the time does
not grow with the number of countries.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from itertools import product
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Final

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span
from extauth.content.privacy.recognisers.cue import Cues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

CHECKSUM: Final = 1.0
FORMAT: Final = 0.9
CONTEXT_FORMAT: Final = 0.7

_SHAPE = bytes.maketrans(
    digits.encode() + ascii_letters.encode(), b"9" * len(digits) + b"A" * len(ascii_letters)
)
_SEPARATORS = bytes.maketrans(b".-/", b"   ")
_NO_SEPARATORS = str.maketrans("", "", " .-/")
_SEPARATOR = rb"[ .\-/]"
_WORD = rb"[A-Za-z0-9]*\d[A-Za-z0-9]*"
_LETTERS = rb"[A-Z]{1,6}"
_CHAIN = compile_pattern(
    rb"(?:\b"
    + _LETTERS
    + _SEPARATOR
    + rb"){0,2}"
    + _WORD
    + rb"(?:"
    + _SEPARATOR
    + rb"(?:[A-Z]"
    + _SEPARATOR
    + rb")?"
    + _WORD
    + rb")*"
    rb"(?:" + _SEPARATOR + rb"[A-Z]{1,4}\b)?"
)
# The part of a chain in front of a place in it.
_BEFORE = compile_pattern(
    rb"(?:\b" + _LETTERS + _SEPARATOR + rb"){0,2}"
    rb"(?:" + _WORD + _SEPARATOR + rb"(?:[A-Z]" + _SEPARATOR + rb")?)*[A-Za-z0-9]*\z"
)
_REACH = 80
_OPENS = (
    rb"(?:" + _LETTERS + _SEPARATOR + rb"){1,2}"
    rb"|(?:" + _LETTERS + _SEPARATOR + rb"){0,2}[A-Za-z]{0,6}\d[A-Za-z0-9]{0,40}"
    rb"(?:" + _SEPARATOR + rb"(?:[A-Z]" + _SEPARATOR + rb")?[A-Za-z]{0,6}\d[A-Za-z0-9]{0,40}){0,11}"
    rb"(?:" + _SEPARATOR + rb"(?:[A-Z]{0,4}|[A-Z]" + _SEPARATOR + rb"))?|" + WORD
)
_PREFILTER = rb"\d(?:[ .\-/]?\d){5}"
_JOINED_BEFORE = compile_pattern(rb"(?:[\w\xe9$+@%]|[\w\xe9][\-/_]|\d[.,:])\z")
_JOINED_AFTER = compile_pattern(rb"\A(?:[\w\xe9@%]|[.,:/\-]\d|[\-/_][A-Za-z])")


@dataclass(frozen=True, slots=True)
class Number:
    """A number of one country.

    `alone` are the written forms that identify it by themselves, `cued` those that count only
    behind a word of `cues`. In a form, `9` is a digit, `A` a letter, `X` either, `~` any separator
    or none, the same throughout; forms are separated by `|`. `is_valid` gets the text as written.
    """

    is_valid: Callable[[str], bool]
    cues: Cues
    alone: str = ""
    cued: str = ""
    checksum: bool = True


def number(
    check: str | Callable[[str], bool],
    cues: str,
    *,
    alone: str = "",
    cued: str = "",
    checksum: bool = True,
) -> Number:
    """Return a number whose check is a function, or the name of a module of python-stdnum."""
    return Number(
        stdnum(check) if isinstance(check, str) else check, Cues(cues), alone, cued, checksum
    )


def stdnum(module: str) -> Callable[[str], bool]:
    """Return the check of a module of python-stdnum, with and without separators."""
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid

    def is_valid(written: str) -> bool:
        return check(written) or check(written.translate(_NO_SEPARATORS))

    return is_valid


class NumberRecogniser:
    """The numbers of one kind with the same kind of evidence."""

    opens = _OPENS

    __slots__ = (
        "_any_cue", "_close", "_dense", "_forms", "_longest", "_openings", "_shortest",
        "confidence", "kind", "name", "prefilter",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        name: str,
        confidence: float,
        numbers: Sequence[Number],
        *,
        alone: bool = True,
        cued: bool = True,
        prefilter: bytes = b"",
    ) -> None:
        self.kind, self.name, self.confidence = kind, name, confidence
        self.prefilter = _PREFILTER + (b"|" + prefilter if prefilter else b"")
        self._dense = compile_pattern(self.prefilter)
        # By shape, the numbers that it can be, and for each whether it needs a cue.
        self._forms: dict[bytes, list[tuple[Number, bool]]] = {}
        for each in numbers:
            for form in _expanded(each.alone if alone else ""):
                self._forms.setdefault(form, []).append((each, False))
            for form in _expanded(each.cued if cued else ""):
                self._forms.setdefault(form, []).append((each, True))
        self._openings = frozenset(_openings(self._forms))
        self._longest = max(map(len, self._forms))
        self._shortest = min(map(len, self._forms))
        self._close = confidence < FORMAT
        self._any_cue = compile_pattern(
            rb"(?i)(?:" + b"|".join(dict.fromkeys(each.cues.source for each in numbers)) + rb")"
        )

    @property
    def forms(self) -> Iterable[bytes]:
        """Every written form, with `9` for a digit and `A` for a letter."""
        return self._forms.keys()

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield numbers that stand free, as their country writes them."""
        done = 0
        while (dense := self._dense.search(data, done)) is not None:
            near = max(done, dense.start() - _REACH)
            before = _BEFORE.search(data[near : dense.start()])
            begin = near + before.start() if before else dense.start()
            chain = _CHAIN.search(data, begin)
            if chain is None:
                return
            if chain.end() - chain.start() >= self._shortest:
                yield from self._find_in(data, chain.start(), chain.end())
            done = max(chain.end(), dense.start() + 1)

    def _find_in(self, data: bytes, begin: int, stop: int) -> Iterator[Span]:
        written = data[begin:stop]
        shapes = written.translate(_SHAPE)
        words: list[tuple[int, int]] = []
        at = 0
        for word in written.translate(_SEPARATORS).split(b" "):
            words.append((at, at + len(word)))
            at += len(word) + 1
        first = 0
        while first < len(words):
            start = words[first][0]
            ends = self._ends(shapes, words, first)
            for last in reversed(ends):
                end = words[last][1]
                if self._is_one(data, begin + start, begin + end, shapes[start:end]):
                    yield Span(begin + start, begin + end)
                    first = last
                    break
            first += 1

    def _ends(self, shapes: bytes, words: list[tuple[int, int]], first: int) -> list[int]:
        """Return the last words of all known shapes that begin with the word `first`."""
        start = words[first][0]
        ends = []
        for last in range(first, len(words)):
            end = words[last][1]
            if end - start > self._longest:
                break
            shape = shapes[start:end]
            if shape in self._forms:
                ends.append(last)
            if shape not in self._openings:
                break
        return ends

    def _is_one(self, data: bytes, start: int, end: int, shape: bytes) -> bool:
        before, behind = data[max(0, start - 2) : start], data[end : end + 2]
        if _JOINED_BEFORE.search(before) or _JOINED_AFTER.search(behind):
            return False
        # In a longer row of digit groups, some are valid by chance.
        in_row = b" " in shape and (before[-1:] == b" " and before[:1].isdigit())
        in_row = in_row or (b" " in shape and behind[:1] == b" " and behind[1:].isdigit())
        in_row = in_row or before[-1:] == b"#"
        told: bool | None = None
        for each, cued in self._forms[shape]:
            if cued:
                if told is None:
                    told = self._any_cue.search(data[max(0, start - 64) : start]) is not None
                if not told or (in_row and self._close):
                    continue
                if not each.cues.before(data, start, close=self._close):
                    continue
            elif in_row:
                continue
            if each.is_valid(data[start:end].decode("ascii")):
                return True
        return False


def recognisers_of(
    kind: str, name: str, numbers: Sequence[Number], *, prefilter: bytes = b""
) -> tuple[NumberRecogniser, ...]:
    """Return a recogniser for each kind of evidence that occurs in `numbers`."""
    made = []
    checked = [each for each in numbers if each.checksum]
    if checked:
        made.append(NumberRecogniser(kind, name, CHECKSUM, checked, prefilter=prefilter))
    alone = [each for each in numbers if not each.checksum and each.alone]
    if alone:
        made.append(
            NumberRecogniser(kind, f"{name}-format", FORMAT, alone, cued=False, prefilter=prefilter)
        )
    cued = [each for each in numbers if not each.checksum and each.cued]
    if cued:
        made.append(
            NumberRecogniser(
                kind, f"{name}-cued", CONTEXT_FORMAT, cued, alone=False, prefilter=prefilter
            )
        )
    return tuple(made)


def _expanded(forms: str) -> Iterator[bytes]:
    """Yield the shapes of a row of forms."""
    for form in filter(None, forms.split("|")):
        for separator in ("", " ", "-", ".") if "~" in form else ("",):
            choices = ("9A" if char == "X" else char for char in form.replace("~", separator))
            for shape in product(*choices):
                yield "".join(shape).encode()


def _openings(forms: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the beginnings of each form up to the end of each word, except the last."""
    for form in forms:
        for at, char in enumerate(form):
            if char in b" .-/":
                yield form[:at]
