"""How each principal's requests ended lately, so that policies can ask how somebody behaves."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING

from extauth.audit import Outcome
from extauth.types import BehaviourFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTES = 10
MOST = 100_000
"""Principals that are remembered: some 50 MB where all of them are."""

_KINDS = {Outcome.DENIED: 1, Outcome.LIMITED: 2, Outcome.FAILED: 3}
# The minute that runs, and ten whole ones before it.
_SLOTS = MINUTES + 1
_EMPTY = array("I", bytes(array("I").itemsize * _SLOTS * (len(_KINDS) + 1)))
_NONE = BehaviourFacts()


class _Past:
    """One principal's counts: for each kind a ring of minutes. `minute` is the newest."""

    __slots__ = ("counts", "minute")

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.counts = _EMPTY[:]

    def advance(self, minute: int) -> None:
        """Forget what is too old at `minute`."""
        for passed in range(min(minute - self.minute, _SLOTS)):
            for slot in range((minute - passed) % _SLOTS, len(self.counts), _SLOTS):
                self.counts[slot] = 0
        self.minute = max(minute, self.minute)

    def count(self, kind: int) -> None:
        """One more, in the newest minute."""
        self.counts[kind * _SLOTS + self.minute % _SLOTS] += 1

    def total(self, kind: int) -> int:
        """Over all minutes."""
        return sum(self.counts[kind * _SLOTS : (kind + 1) * _SLOTS])


class Behaviour:
    """Counts by principal over the last ten minutes. Belongs to one event loop; on no disk.

    A request counts for ten minutes, at most one longer. Of more than `most` principals the one
    that was silent longest is forgotten.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._pasts: OrderedDict[str, _Past] = OrderedDict()

    def __len__(self) -> int:
        """Principals that are remembered."""
        return len(self._pasts)

    def note(self, principal: str, outcome: Outcome, now: float) -> None:
        """A request of the principal ended at `now`, in unix seconds."""
        minute = int(now // 60)
        past = self._pasts.get(principal)
        if past is None:
            past = self._pasts[principal] = _Past(minute)
        else:
            self._pasts.move_to_end(principal)
            past.advance(minute)
        past.count(0)
        kind = _KINDS.get(outcome)
        if kind is not None:
            past.count(kind)
        self._forget(minute)

    def forget(self, principals: Iterable[str]) -> None:
        """As if they had never called."""
        for principal in principals:
            self._pasts.pop(principal, None)

    def facts(self, principal: str, now: float) -> BehaviourFacts:
        """How the principal's latest requests ended."""
        past = self._pasts.get(principal)
        if past is None:
            return _NONE
        past.advance(int(now // 60))
        return BehaviourFacts(*(past.total(kind) for kind in range(len(_KINDS) + 1)))

    def _forget(self, minute: int) -> None:
        """Let go of who was silent for the whole time, and of who is one too many."""
        pasts = self._pasts
        oldest = next(iter(pasts.values()))
        while len(pasts) > self._most or oldest.minute < minute - MINUTES:
            pasts.popitem(last=False)
            oldest = next(iter(pasts.values()))
