"""The books of one process, in which every request is entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.audit import Strangers
from extauth.events import Notifier
from extauth.facts.behaviour import Behaviour
from extauth.gateway.metrics import RequestMetrics
from extauth.gateway.queue import WaitingRoom
from extauth.gateway.queue.metrics import declare as declare_queue

if TYPE_CHECKING:
    from extauth.audit import AuditWriter
    from extauth.facts.load import LoadMonitor
    from extauth.ledger import Ledger
    from extauth.observability.metrics import Metrics
    from extauth.types import Clock


class Books:
    """The ledger, the audit log and what one process knows of its requests.

    One a process, shared by all of its transactions. `events` and `strangers` are to be closed by
    their owner.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        audit: AuditWriter,
        load: LoadMonitor,
        metrics: Metrics,
        clock: Clock,
        poll: float = 1.0,
    ) -> None:
        """`poll` is in seconds, as for `WaitingRoom`. What is given is started by its owner."""
        self.ledger = ledger
        self.audit = audit
        self.strangers = Strangers(audit)
        self.load = load
        self.metrics = RequestMetrics(metrics)
        self.clock = clock
        self.room = WaitingRoom(poll=poll)
        self.events = Notifier(metrics, clock)
        self.behaviour = Behaviour()
        declare_queue(self.room, metrics)
