"""The entry of one request in the audit log, as far as it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.audit import AuditRecord, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.audit import TrialPart
    from extauth.errors import AnsweredError
    from extauth.gateway.runtime import Runtime
    from extauth.obligations import Decision
    from extauth.types import Facts, Principal, RequestHead, Target, Usage


class Entry:
    """Facts for the record, written down by each stage as it learns them.

    Only the end of the request reads it: stages hand their results to each other. What is None
    was not learned before the request ended.
    """

    __slots__ = (
        "answer_sensitive",
        "decision",
        "dropped_turns",
        "facts",
        "noted",
        "principal",
        "stream",
        "target",
    )

    def __init__(self) -> None:
        self.target: Target | None = None
        self.principal: Principal | None = None
        self.facts: Facts | None = None
        self.decision: Decision | None = None
        self.stream = False
        self.dropped_turns = 0
        self.noted: dict[str, int] = {}
        self.answer_sensitive: dict[str, int] = {}

    def note(self, findings: Mapping[str, int]) -> None:
        """Add findings that were left as they are, by kind."""
        for kind, times in findings.items():
            self.noted[kind] = self.noted.get(kind, 0) + times

    def record(
        self,
        runtime: Runtime,
        head: RequestHead,
        *,
        received: float,
        outcome: Outcome,
        status: int,
        error: AnsweredError | None,
        sent: bool,
        usage: Usage | None,
        timings: dict[str, int],
        trial: TrialPart | None,
    ) -> AuditRecord:
        """The record of a request that ended so; one that was never `sent` has no route."""
        target, decision = self.target, self.decision
        return AuditRecord(
            request_id=head.request_id,
            time=received,
            snapshot=runtime.snapshot.digest,
            engine=runtime.engine.name,
            api=target.api if target else None,
            operation=target.operation if target else None,
            principal=self.principal,
            source=head.source_ip,
            facts=self.facts,
            decision=decision,
            rules=tuple([reason.rule for reason in decision.reasons]) if decision else (),
            outcome=outcome,
            status=status,
            error=error.code if error else None,
            route=decision.route if decision and sent else None,
            usage=usage,
            stream=self.stream,
            noted=self.noted,
            dropped_turns=self.dropped_turns,
            answer_sensitive=self.answer_sensitive,
            timings=timings,
            trial=trial,
        )
