"""The labelled set: texts in many languages with marks around sensitive data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).parent / "corpus"

_mark = re.compile("«([a-z_]+) |»")
_escape = re.compile(r"\\(n|t|u[0-9a-f]{4})")


@dataclass(frozen=True, slots=True)
class Label:
    """A span of sensitive data: its kind, and half-open offsets in the joined parts."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text as the parts of a message, and the labels in it."""

    language: str
    source: str
    parts: tuple[str, ...]
    labels: tuple[Label, ...]

    @property
    def text(self) -> str:
        """The parts, joined."""
        return "".join(self.parts)


@cache
def labelled(*, names: bool = False) -> tuple[Labelled, ...]:
    """Return every text of the set; with `names`, the set of persons and places instead."""
    return tuple(
        _read(language, path.stem, line)
        for path in sorted(CORPUS.glob("*.yaml"))
        if (path.stem == "names") == names
        for language, lines in yaml.safe_load(path.read_text()).items()
        for line in lines.splitlines()
    )


def _read(language: str, source: str, line: str) -> Labelled:
    written = _escape.sub(_unescaped, line.replace("·", ""))
    shown: list[str] = []
    labels: list[Label] = []
    open_mark: tuple[str, int] | None = None
    for piece, mark, kind in _pieces(written):
        shown.append(piece)
        at = sum(len(each) - each.count("¦") for each in shown)
        if kind:
            open_mark = (kind, at)
        elif mark:
            if open_mark is None:
                raise ValueError(f"{source}: a mark ends that has not begun: {line}")
            labels.append(Label(open_mark[0], open_mark[1], at))
            open_mark = None
    return Labelled(language, source, tuple("".join(shown).split("¦")), tuple(labels))


def _pieces(written: str) -> Iterator[tuple[str, str, str]]:
    at = 0
    for match in _mark.finditer(written):
        yield written[at : match.start()], match[0], match[1] or ""
        at = match.end()
    yield written[at:], "", ""


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1]
    return {"n": "\n", "t": "\t"}.get(code) or chr(int(code[1:], 16))
