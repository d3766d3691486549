"""Substitutes for findings that can't be turned back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extauth.content.privacy.hashing import canonical
from extauth.content.privacy.stand_in import Draw, stand_in

if TYPE_CHECKING:
    from extauth.content.privacy.hashing import KeyedHash

OneWay = Literal["redact", "hash", "stand_in"]
"""The treatments that leave nothing to restore."""

# Bounds the time for a request full of originals from a small range, which would be quadratic.
_DRAWS = 64
_DRAWS_IN_ALL = 8192
_TRIES = 600
_TRIES_IN_ALL = 20_000


class Substitutes:
    """The one-way substitutes of one request, for its texts and for its answer.

    One object serves both directions, so that an original that the model repeats gets the same
    substitute as in the request. Belongs to one task. Remembers hashed and replaced originals as
    long as the request; its repr shows none.
    """

    __slots__ = ("_draws", "_hashing", "_made", "_owners", "_tries")

    def __init__(self, hashing: KeyedHash) -> None:
        self._hashing = hashing
        self._made: dict[tuple[str, str], str] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._draws = _DRAWS_IN_ALL
        self._tries = _TRIES_IN_ALL

    def __repr__(self) -> str:
        return f"Substitutes({len(self._made)} stand-ins)"

    def substitute(self, kind: str, original: str, treatment: OneWay) -> str:
        """Return the substitute for `original`, the whole text of a finding.

        - `redact`: `[EMAIL]`. Nothing of the original is left.
        - `hash`: `[EMAIL:9f86d081884c7d65]`. Equal for equal originals of this tenant, over all
          requests, and different for another tenant's.
        - `stand_in`: another value of the same format, made by `stand_in`. It is never restored in
          the answer, and a reader can't tell it from an original. It is the same for the tenant's
          equal originals. Two originals of a request never share one: the later one gets another.
          If none is left, the original is redacted.
        """
        if treatment == "redact":
            return redacted(kind)
        if treatment == "hash":
            return f"[{kind.upper()}:{self._hashing.hash(kind, original)}]"
        made = self._made.get((kind, original))
        if made is None:
            made = self._made[kind, original] = self._stand_in(kind, original)
        return made

    def _stand_in(self, kind: str, original: str) -> str:
        """Return the first draw that is neither the original nor another original's stand-in."""
        owner = canonical(kind, original)
        seed = self._hashing.seed(kind, original)
        for attempt in range(_DRAWS):
            draw = Draw(seed, attempt, tries=min(_TRIES, self._tries))
            tries = draw.tries
            made = stand_in(kind, original, draw)
            self._tries -= tries - draw.tries
            place = (kind, canonical(kind, made))
            if place[1] != owner and self._owners.setdefault(place, owner) == owner:
                return made
            if not self._draws:
                break
            self._draws -= 1
        return redacted(kind)


def redacted(kind: str) -> str:
    """Return the text that replaces a redacted finding."""
    return f"[{kind.upper()}]"
