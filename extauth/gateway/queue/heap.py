"""A heap that things can leave from anywhere."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, TypeVar

_tickets = count(1)

_SLACK = 16


class HeapEntry:
    """An item of at most one heap; its ticket is 0 while it is in none."""

    __slots__ = ("ticket",)

    def __init__(self) -> None:
        self.ticket = 0


E = TypeVar("E", bound=HeapEntry)


class Heap(Generic[E]):
    """A heap with the lowest rank first, and among equals the entry that came first.

    Entries that leave are only marked, and swept when they are the most: everything is O(log n),
    or O(1) on average, and what left is at most as much as what is here.
    """

    __slots__ = ("_heap", "_live")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, E]] = []
        self._live = 0

    def __len__(self) -> int:
        return self._live

    def push(self, entry: E, rank: float) -> None:
        """Add an entry that is in no heap."""
        entry.ticket = ticket = next(_tickets)
        heappush(self._heap, (rank, ticket, entry))
        self._live += 1

    def discard(self, entry: E) -> None:
        """Take out an entry of this heap."""
        entry.ticket = 0
        self._live -= 1
        if len(self._heap) > 2 * self._live + _SLACK:
            self._heap = [item for item in self._heap if item[2].ticket == item[1]]
            heapify(self._heap)

    def first(self) -> E | None:
        """Return the entry that is next; it stays."""
        heap = self._heap
        while heap:
            _, ticket, entry = heap[0]
            if entry.ticket == ticket:
                return entry
            heappop(heap)
        return None
