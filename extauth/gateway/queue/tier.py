"""The waiters of one class for one counter, by tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.gateway.queue.heap import Heap, HeapEntry
from extauth.gateway.queue.schedule import Flow, Schedule

if TYPE_CHECKING:
    from extauth.gateway.queue.waiter import Waiter
    from extauth.types import Queue

_SLACK = 16


class _Load(HeapEntry):
    """The share of a class that a tenant takes up."""

    __slots__ = ("tenant",)

    def __init__(self, tenant: str) -> None:
        super().__init__()
        self.tenant = tenant


class Tenant(Flow):
    """The waiters of one tenant, in the order of their arrival."""

    __slots__ = ("_latest", "load", "waiters")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.load = _Load(name)
        self.waiters: Heap[Waiter] = Heap()
        self._latest: list[tuple[int, Waiter]] = []

    def join(self, waiter: Waiter) -> None:
        """Stand, in front of those that arrived later."""
        self.waiters.push(waiter, waiter.arrival)
        if len(self._latest) > 2 * len(self.waiters) + _SLACK:
            self._latest = [item for item in self._latest if item[1].ticket == item[0]]
        self._latest.append((waiter.ticket, waiter))

    def last(self) -> Waiter | None:
        """Return the waiter that joined last."""
        latest = self._latest
        while latest and latest[-1][1].ticket != latest[-1][0]:
            latest.pop()
        return latest[-1][1] if latest else None


class Tier(Flow):
    """The waiters of one class, whose tenants take turns by their weights."""

    __slots__ = ("_loads", "tenants")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.tenants = Schedule(Tenant)
        self._loads: Heap[_Load] = Heap()

    def join(self, waiter: Waiter) -> None:
        """Stand with one's tenant."""
        tenant = self.tenants.enter(waiter.tenant, waiter.queue.weight)
        tenant.join(waiter)
        self._weigh(tenant)

    def leave(self, waiter: Waiter, *, served: bool) -> None:
        """Stand no more; the tenant of one who was `served` is charged."""
        tenant = self.tenants[waiter.tenant]
        tenant.waiters.discard(waiter)
        if served:
            self.tenants.charge(tenant, waiter.queue.weight)
        self.tenants.leave(tenant)
        self._weigh(tenant)

    def first(self) -> Waiter | None:
        """Return the waiter whose turn it is in this class."""
        tenant = self.tenants.first()
        return tenant.waiters.first() if tenant else None

    def ahead(self, queue: Queue, tenant: str) -> int:
        """Estimate how many of this class come before one who comes now."""
        flow = self.tenants.get(tenant)
        own = flow.waiting if flow else 0
        others = self.tenants.ahead(tenant, queue.weight, own)
        return own + min(round(others), self.waiting - own)

    def displaceable(self, queue: Queue, tenant: str) -> Waiter | None:
        """Return the waiter that gives its place to one of this tenant: the last of the largest.

        None where this tenant would then have as much for its weight.
        """
        load, flow = self._loads.first(), self.tenants.get(tenant)
        most = self.tenants[load.tenant] if load else None
        wanted = (flow.waiting if flow else 0) + 1
        if most is None or most.waiting < 2:
            return None
        return most.last() if wanted / queue.weight < most.waiting / most.weight else None

    def _weigh(self, tenant: Tenant) -> None:
        if tenant.load.ticket:
            self._loads.discard(tenant.load)
        if tenant.waiting:
            self._loads.push(tenant.load, -tenant.waiting / tenant.weight)
