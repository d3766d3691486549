"""What stands in the place of a finding and never turns back into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extauth.content.privacy.hashing import canonical
from extauth.content.privacy.stand_in import Draw, stand_in

if TYPE_CHECKING:
    from extauth.content.privacy.hashing import KeyedHash

OneWay = Literal["redact", "hash", "stand_in"]
"""The treatments that leave nothing to restore."""

# A request full of originals from a small range must not take time with their square.
_DRAWS = 64
_DRAWS_IN_ALL = 8192
_TRIES = 600
_TRIES_IN_ALL = 20_000


class Substitutes:
    """The one-way substitutes of one request, for its texts and for the answer to it.

    One object serves both directions, so that an original that the model repeats, or knew
    already, becomes what it became in the request. Belongs to one task; remembers hashed and
    replaced originals as long as the request, and shows none in its repr.
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
        """What to write instead of `original`, a finding's whole text.

        - `redact`: `[EMAIL]`. Nothing of the original is left.
        - `hash`: `[EMAIL:9f86d081884c7d65]`. Equal for equal originals of this tenant, over all
          requests, and different for another tenant's.
        - `stand_in`: another value of the same format, as `stand_in` tells. Never restored in
          the answer: whoever reads it can't tell that it is none. The same for the tenant's equal
          originals, and no two originals of a request share one: then the later one gets another.
          Where none is left, the original is redacted.
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
        """The first draw that is not the original and not another original's stand-in."""
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
    """What stands for a finding of which nothing may be told."""
    return f"[{kind.upper()}]"
