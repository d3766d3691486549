"""The guard's patterns as they are shipped, read from patterns.toml and made RE2."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from extauth.content.guard.skeleton import pattern_skeleton

# Between two words of a sentence: whatever is no letter, no digit and no end of a sentence.
_GAP = r"(?:[^a-z0-9.!?;\x{80}-\x{10ffff}]+)"
_WORDS = rf"(?:[a-z0-9]+{_GAP})*"
_NAME = re.compile(r"<([a-z]+)>")


class Cue(NamedTuple):
    """One pattern of an attack: its family, how sure it is, and UTF-8 that RE2 reads."""

    family: str
    weight: float
    source: bytes


@cache
def cues() -> tuple[Cue, ...]:
    """All patterns, in the order of the file."""
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
    """The RE2 pattern of a phrase: `<name>`, spaces and `...` are what patterns.toml says."""
    named = written
    while named != (named := _NAME.sub(lambda match: words[match[1]], named)):
        pass
    return r"\b(?:" + named.replace(" ... ", f"{_GAP}{_WORDS}").replace(" ", _GAP) + ")"
