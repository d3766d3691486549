"""The guard's shipped patterns, read from patterns.toml and turned into RE2."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from extauth.content.guard.skeleton import pattern_skeleton

# Between two words of a sentence: anything but a letter, a digit or the end of a sentence.
_GAP = r"(?:[^a-z0-9.!?;\x{80}-\x{10ffff}]+)"
_WORDS = rf"(?:[a-z0-9]+{_GAP})*"
_NAME = re.compile(r"<([a-z]+)>")


class Cue(NamedTuple):
    """A pattern of an attack: its family, its weight, and RE2 source for UTF-8."""

    family: str
    weight: float
    source: bytes


@cache
def cues() -> tuple[Cue, ...]:
    """Return all patterns, in the order of the file."""
    text = files("extauth.content.guard").joinpath("patterns.toml").read_text(encoding="utf-8")
    families = tomllib.loads(text)
    words: dict[str, str] = families.pop("words")
    return tuple(
        Cue(family, entry["weight"], pattern_skeleton(source).encode())
        for family, entries in families.items()
        for entry in entries
        for source in (
            *(phrase(each, words) for each in entry.get("any", ())),
            *entry.get("exact", ()),
        )
    )


def phrase(written: str, words: dict[str, str]) -> str:
    """Return the RE2 pattern of a phrase, whose syntax patterns.toml describes."""
    named = written
    while named != (named := _NAME.sub(lambda match: words[match[1]], named)):
        pass
    return r"\b(?:" + named.replace(" ... ", f"{_GAP}{_WORDS}").replace(" ", _GAP) + ")"
