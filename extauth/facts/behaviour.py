"""Recent request outcomes by principal, so that policies can react to a caller's behaviour."""

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
"""Principals remembered at most; that many take some 50 MB."""

_KINDS = {Outcome.DENIED: 1, Outcome.LIMITED: 2, Outcome.FAILED: 3}
# The current minute, and the ten whole minutes before it.
_SLOTS = MINUTES + 1
_EMPTY = array("I", bytes(array("I").itemsize * _SLOTS * (len(_KINDS) + 1)))
_NONE = BehaviourFacts()


class _Past:
    """A principal's counts: a ring of minutes for each kind. `minute` is the newest."""

    __slots__ = ("counts", "minute")

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.counts = _EMPTY[:]

    def advance(self, minute: int) -> None:
        """Clear the slots that are too old at `minute`."""
        for passed in range(min(minute - self.minute, _SLOTS)):
            for slot in range((minute - passed) % _SLOTS, len(self.counts), _SLOTS):
                self.counts[slot] = 0
        self.minute = max(minute, self.minute)

    def count(self, kind: int) -> None:
        """Count one more request in the newest minute."""
        self.counts[kind * _SLOTS + self.minute % _SLOTS] += 1

    def total(self, kind: int) -> int:
        """Return the count of a kind over all minutes."""
        return sum(self.counts[kind * _SLOTS : (kind + 1) * _SLOTS])


class Behaviour:
    """Outcome counts by principal over the last ten minutes. In memory only; for one event loop.

    A request counts for at least ten minutes and less than eleven. Above `most` principals, the one
    whose last request is the oldest is forgotten.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._pasts: OrderedDict[str, _Past] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of principals remembered."""
        return len(self._pasts)

    def note(self, principal: str, outcome: Outcome, now: float) -> None:
        """Count a request of the principal that ended at `now`, in seconds of a steady clock."""
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
        """Forget these principals, as if they had never called."""
        for principal in principals:
            self._pasts.pop(principal, None)

    def facts(self, principal: str, now: float) -> BehaviourFacts:
        """Return the outcomes of the principal's latest requests; zeros if it has none."""
        past = self._pasts.get(principal)
        if past is None:
            return _NONE
        past.advance(int(now // 60))
        return BehaviourFacts(*(past.total(kind) for kind in range(len(_KINDS) + 1)))

    def _forget(self, minute: int) -> None:
        """Forget principals without a request in the window, and the oldest above the maximum."""
        pasts = self._pasts
        oldest = next(iter(pasts.values()))
        while len(pasts) > self._most or oldest.minute < minute - MINUTES:
            pasts.popitem(last=False)
            oldest = next(iter(pasts.values()))
