"""A dictionary of counters that drops the idle ones."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_PATROL = 2


class Expiring(Protocol):
    """A value that can tell whether it is still needed."""

    def idle(self, now: float) -> bool: ...


Key = TypeVar("Key", bound="Hashable")
Kept = TypeVar("Kept", bound=Expiring)


class Shelf(dict[Key, Kept]):
    """Counters by key; a key that has none gets one when it is looked up by `shelf[key]`.

    For each one added, two are checked and dropped if idle. So the cleaning costs time only while
    counters are added, and about half of the counters kept are in use at least.
    """

    def __init__(self, make: Callable[[Key], Kept]) -> None:
        super().__init__()
        self._make = make
        self._round: deque[Key] = deque()
        self._due = 0

    def __missing__(self, key: Key) -> Kept:
        """Create the counter of a key that has none."""
        kept = self[key] = self._make(key)
        self._round.append(key)
        self._due += _PATROL
        return kept

    def rename(self, old: Key, new: Key) -> None:
        """Move a counter to a key that has none."""
        self[new] = self.pop(old)
        self._round = deque(new if key == old else key for key in self._round)

    def drop(self, key: Key) -> None:
        """Forget a counter."""
        del self[key]
        self._round.remove(key)

    def patrol(self, now: float) -> None:
        """Drop the idle ones among the counters due for a check.

        Don't call it between getting a counter and using it.
        """
        while self._due and self._round:
            self._due -= 1
            key = self._round.popleft()
            if self[key].idle(now):
                del self[key]
            else:
                self._round.append(key)
