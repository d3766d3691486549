"""Shadow: the candidate is asked what the live policy was asked, and nobody acts on its answers.

Requests leave their questions in a queue when they end. One thread asks the candidate: it may
loop until its time is up, and the event loop does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import GatewayError
from extauth.obligations import Decision, Reason
from extauth.policy.verdict import Verdict, differences
from extauth.rollout.record import Mode, ShadowCount, ShadowExample, ShadowTally
from extauth.rollout.trial import Trial, TrialEngine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from extauth.policy import Entrypoint, PolicyEngine
    from extauth.policy.verdict import Difference
    from extauth.types import Facts, ListingFacts, Principal

QUEUE = 2048
"""Requests that may wait for their comparison; more are counted and not compared."""

GATHER = 0.25
"""Seconds in which requests gather, to share a hop to the thread and a write to the disk."""

TOGETHER = 32
"""Requests that are compared between two returns to the event loop, which may end the trial."""

LINES = 1000
"""The most differences by rule and tenant, and errors by message, that are counted apart."""

EXAMPLES = 10
"""Example requests that are kept of each difference under each rule."""

OTHER = "other"


class LiveRequest(msgspec.Struct, frozen=True):
    """An ended request: its questions, and the last decision of the live policy."""

    request_id: str
    time: float
    tenant: str
    questions: tuple[tuple[Entrypoint, Facts], ...]
    live: Decision


class Shadow(Trial):
    """A shadow. It compares a share of requests, by their ids."""

    mode = Mode.SHADOW

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._tally = self.record.tally = ShadowTally()
        self._counts: dict[tuple[str, str, str], int] = {}
        self._examples: dict[tuple[str, str], list[ShadowExample]] = {}
        self._queue: deque[LiveRequest] = deque()
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self._comparing = asyncio.ensure_future(self._compare())

    def join(self, request_id: str, principal: Principal, live: PolicyEngine) -> TrialEngine | None:
        """See Trial."""
        if not self.running or not self._shares(request_id):
            return None
        return _ShadowEngine(self, request_id, self._clock(), principal.tenant, live)

    def answered(self, request: LiveRequest) -> None:
        """Queue a request to be compared, if there is room."""
        if not self.running:
            return
        if len(self._queue) >= QUEUE:
            self._tally.dropped += 1
            self.metrics.compared("dropped", "")
            return
        self._queue.append(request)
        self._wake.set()

    async def _compare(self) -> None:
        loop = asyncio.get_running_loop()
        while self.running or self._queue:
            await self._wake.wait()
            if self.running:
                await asyncio.sleep(GATHER)
            self._wake.clear()
            requests = list(self._queue)
            self._queue.clear()
            for first in range(0, len(requests), TOGETHER):
                some = requests[first : first + TOGETHER]
                if self.failing:
                    break
                judged = await loop.run_in_executor(self._thread, self._judge_all, some)
                for request, decision in zip(some, judged, strict=True):
                    self._note(request, decision)
            self._sum_up()
            await self._save()

    def _judge_all(self, requests: Sequence[LiveRequest]) -> list[Decision | GatewayError]:
        return [self._judge(request) for request in requests]

    def _judge(self, request: LiveRequest) -> Decision | GatewayError:
        """Return the candidate's decision on a request: its first deny, or its last decision."""
        decision = Decision(allow=False)
        try:
            for entrypoint, facts in request.questions:
                decision = self.candidate.decide(entrypoint, facts)
                if not decision.allow:
                    break
        except GatewayError as error:
            return error
        return decision

    def _note(self, request: LiveRequest, decision: Decision | GatewayError) -> None:
        if isinstance(decision, GatewayError):
            errors = self._tally.errors
            known = decision.message in errors or len(errors) < LINES
            words = decision.message if known else OTHER
            errors[words] = errors.get(words, 0) + 1
            self.judged(decision)
            return
        self.judged(None)
        self._tally.compared += 1
        found = differences(Verdict.of(request.live), Verdict.of(decision))
        if not found:
            self._tally.equal += 1
            self.metrics.compared("equal", "")
        for difference in found:
            self._differ(request, difference)

    def _differ(self, request: LiveRequest, difference: Difference) -> None:
        kinds = self._tally.differences
        kinds[difference.kind] = kinds.get(difference.kind, 0) + 1
        rules = difference.by or ("",)
        for rule in rules:
            self.metrics.compared(difference.kind, rule)
            line = (difference.kind, rule, request.tenant)
            if line not in self._counts and len(self._counts) >= LINES:
                line = (difference.kind, OTHER, OTHER)
            self._counts[line] = self._counts.get(line, 0) + 1
            examples = self._examples.setdefault(line[:2], [])
            if len(examples) < EXAMPLES:
                examples.append(
                    ShadowExample(
                        request_id=request.request_id,
                        time=request.time,
                        difference=difference.kind,
                        rules=rules,
                        tenant=request.tenant,
                    )
                )

    def _sum_up(self) -> None:
        self._tally.counts = tuple(
            ShadowCount(*line, requests) for line, requests in sorted(self._counts.items())
        )
        self._tally.examples = tuple(
            dict.fromkeys(example for each in self._examples.values() for example in each)
        )

    async def _finish(self) -> None:
        """Compare the requests that wait; no more can join."""
        self._wake.set()
        await self._comparing
        self._thread.shutdown()


class _ShadowEngine(TrialEngine):
    """Engine that asks the live policy, and remembers its questions."""

    __slots__ = ("_live", "_questions", "_request_id", "_shadow", "_tenant", "_time", "_verdict")

    def __init__(
        self, shadow: Shadow, request_id: str, time: float, tenant: str, live: PolicyEngine
    ) -> None:
        self._shadow = shadow
        self._request_id = request_id
        self._time = time
        self._tenant = tenant
        self._live = live
        self._questions: list[tuple[Entrypoint, Facts]] = []
        self._verdict: Decision | None = None

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        self._questions.append((entrypoint, facts))
        try:
            self._verdict = await self._live.decide(entrypoint, facts)
        except GatewayError as error:
            # It is a deny, and so it is compared.
            reason = Reason(rule=error.code, message=error.told)
            self._verdict = Decision(allow=False, reasons=(reason,))
            raise
        return self._verdict

    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        return await self._live.list_models(facts)

    def close(self) -> None:
        if self._verdict is not None:
            self._shadow.answered(
                LiveRequest(
                    request_id=self._request_id,
                    time=self._time,
                    tenant=self._tenant,
                    questions=tuple(self._questions),
                    live=self._verdict,
                )
            )
