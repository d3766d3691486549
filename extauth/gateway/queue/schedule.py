"""A weighted-fair schedule of turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from extauth.gateway.queue.heap import Heap, HeapEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Flow(HeapEntry):
    """A class or a tenant that shares turns; its next one starts at virtual time `start`."""

    __slots__ = ("name", "start", "waiting", "weight")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.start = 0.0
        self.waiting = 0
        self.weight = 1


F = TypeVar("F", bound=Flow)


class Schedule(Generic[F]):
    """Gives turns to flows by their weights.

    The flow whose turn starts first is next, and a turn moves its start by 1 / weight. Virtual
    time goes on by 1 / (the weights of all that wait) with each turn, and never stays behind all
    of them. A flow that comes starts now, or where its last turn ended if that is later: having
    been away is no credit, and coming back at once no way around one's share. What a flow owes so
    is kept until time has passed it.
    """

    __slots__ = ("_debts", "_flows", "_make", "_now", "_waiting", "_weight")

    def __init__(self, make: Callable[[str], F]) -> None:
        self._make = make
        self._flows: dict[str, F] = {}
        self._waiting: Heap[F] = Heap()
        self._debts: Heap[F] = Heap()
        self._now = 0.0
        self._weight = 0

    def __iter__(self) -> Iterator[F]:
        """Return the flows that wait."""
        return (flow for flow in self._flows.values() if flow.waiting)

    def __getitem__(self, name: str) -> F:
        """The flow of this name, which waits or owes."""
        return self._flows[name]

    def get(self, name: str) -> F | None:
        """The flow of this name, if it waits or owes."""
        return self._flows.get(name)

    def first(self) -> F | None:
        """Return the flow whose turn it is."""
        return self._waiting.first()

    def enter(self, name: str, weight: int) -> F:
        """Add one that waits to the flow. The newest weight is the flow's."""
        flow = self._flows.get(name)
        if flow is None:
            flow = self._flows[name] = self._make(name)
        elif flow.waiting:
            self._weight -= flow.weight
        else:
            self._debts.discard(flow)
        flow.weight = weight
        self._weight += weight
        flow.waiting += 1
        if flow.waiting == 1:
            flow.start = max(flow.start, self._now)
            self._waiting.push(flow, flow.start)
        return flow

    def charge(self, flow: F, weight: int) -> None:
        """Charge the flow for a turn at the weight of its waiter, which leaves next."""
        self._waiting.discard(flow)
        flow.start += 1 / weight
        self._waiting.push(flow, flow.start)
        first = self._waiting.first()
        self._now = max(self._now + 1 / self._weight, first.start if first else 0.0)
        while (paid := self._debts.first()) and paid.start <= self._now:
            self._debts.discard(paid)
            del self._flows[paid.name]

    def leave(self, flow: F) -> None:
        """Take one that waits from the flow."""
        flow.waiting -= 1
        if flow.waiting:
            return
        self._weight -= flow.weight
        self._waiting.discard(flow)
        if flow.start > self._now:
            self._debts.push(flow, flow.start)
        else:
            del self._flows[flow.name]

    def ahead(self, name: str, weight: int, own: int) -> float:
        """Estimate the turns of others before this flow's own next but `own`.

        They are those that start before it, and time tells how many that is: the starts of all
        that wait lie around now, each turn of all takes 1 / (their weights), and somebody is on
        average half a turn ahead.
        """
        flow = self._flows.get(name)
        start = max(flow.start, self._now) if flow else self._now
        others, weights = len(self._waiting), self._weight
        if flow and flow.waiting:
            start, others, weights = flow.start, others - 1, weights - flow.weight
        return max(0.0, (start + own / weight - self._now) * weights + others / 2)
