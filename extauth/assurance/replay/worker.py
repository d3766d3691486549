"""Worker process of a replay: reads a piece, asks the policies, answers with a batch."""

from __future__ import annotations

import signal
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.replay.batch import BadRecord, Batch, Fate, Judged, TokenDemand, encode
from extauth.assurance.replay.judge import Judge, recorded_verdict
from extauth.assurance.replay.recorded import read
from extauth.audit import Outcome
from extauth.errors import ConfigurationError, StackError
from extauth.types import INFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.synchronize import Event
    from pathlib import Path

    from extauth.assurance.replay.recorded import Recorded
    from extauth.assurance.replay.trace import Piece
    from extauth.policy.verdict import Verdict
    from extauth.types import Facts

_SHARES = 1 << 32


class PolicyFiles(msgspec.Struct, frozen=True):
    """Compiled policies, for a worker to load: see Judge."""

    directory: Path
    timeout: float
    catalog: Mapping[str, Any]


class Job(msgspec.Struct, frozen=True):
    """The job of all workers. Without `base`, candidates are compared with what was recorded.

    `sample` is the share of requests to judge, chosen by their ids.
    """

    candidate: PolicyFiles
    base: PolicyFiles | None = None
    since: float | None = None
    until: float | None = None
    sample: float = 1.0


class ReplayWorker:
    """The policies of one process. Not thread-safe."""

    def __init__(self, job: Job, stop: Event | None = None) -> None:
        """Load the policies. Raises ConfigurationError. `stop` ends a piece early."""
        self._job = job
        self._stop = stop
        self._since = float("-inf") if job.since is None else job.since
        self._until = float("inf") if job.until is None else job.until
        self._candidate = _judge(job.candidate)
        same = job.base == job.candidate
        self._base = self._candidate if same else _judge(job.base) if job.base else None

    def close(self) -> None:
        """Free the policies."""
        self._candidate.close()
        if self._base is not None and self._base is not self._candidate:
            self._base.close()

    def batch(self, piece: Piece) -> Batch:
        """Judge a piece."""
        made = Batch()
        places: dict[Verdict, int] = {}
        try:
            rows = piece.rows()
        except StackError as error:
            made.fault = BadRecord(0, error.message)
            return made
        for place, row in enumerate(rows, 1):
            try:
                recorded = read(row)
            except ConfigurationError as error:
                made.fault = BadRecord(place, error.message)
                break
            if recorded.time < made.last:
                made.fault = BadRecord(place, OUT_OF_ORDER)
                break
            made.read = place
            made.first = min(made.first, recorded.time)
            made.last = recorded.time
            made.migrated += recorded.older
            if self._wanted(recorded) and not self._judge(recorded, made, places):
                break
        made.verdicts = list(places)
        return made

    def _wanted(self, recorded: Recorded) -> bool:
        if not self._since <= recorded.time < self._until:
            return False
        sample = self._job.sample
        return sample >= 1 or zlib.crc32(recorded.request_id.encode()) < sample * _SHARES

    def _judge(self, recorded: Recorded, made: Batch, places: dict[Verdict, int]) -> bool:
        """Add a request; return False when nobody waits for the rest."""
        facts, before = recorded.facts, recorded_verdict(recorded)
        if facts is None or before is None:
            made.unreachable += 1
            return True
        after = self._candidate.verdict(recorded, facts)
        if self._base is not None:
            same = self._base is self._candidate
            before = after if same else self._base.verdict(recorded, facts)
        if after.failure is not None and after.failure.late:
            made.late.setdefault(after.failure.package, facts)
        principal = facts.principal
        made.judged.append(
            Judged(
                request_id=recorded.request_id,
                time=recorded.time,
                tenant=principal.tenant,
                principal=principal.id,
                roles=principal.roles,
                model=facts.model.name if facts.model else "",
                before=places.setdefault(before, len(places)),
                after=places.setdefault(after, len(places)),
                admission_only=facts.usage is None and facts.request.operation in INFERENCE,
                limited=recorded.outcome is Outcome.LIMITED and before.allow,
                demand=_demand(recorded, facts),
            )
        )
        # A policy that loops takes its whole time for every request.
        return after.failure is None or self._stop is None or not self._stop.is_set()


OUT_OF_ORDER = "older than the record before it; `sluice audit export` writes them in order"


def _demand(recorded: Recorded, facts: Facts) -> TokenDemand | None:
    tokens, parameters, used = facts.tokens, facts.parameters, recorded.usage
    if tokens is None or parameters is None:
        return None
    fate: Fate
    if used is not None:
        fate = "used"
    elif recorded.route is not None:
        fate = "unused"
    elif recorded.outcome in {Outcome.DENIED, Outcome.LIMITED}:
        fate = "unsent"
    else:
        fate = "apart"
    sent = fate in {"used", "unused"}
    return TokenDemand(
        # What was sent had perhaps been masked, and is what was reserved.
        prompt=used.prompt_tokens if used else tokens.prompt,
        choice=tokens.max_completion // parameters.n,
        n=parameters.n,
        completion=used.completion_tokens if used else None,
        seconds=sum(recorded.timings.values()) / 1e6 if sent else None,
        fate=fate,
    )


def _judge(files: PolicyFiles) -> Judge:
    return Judge(files.directory, files.timeout, files.catalog)


_worker: ReplayWorker | None = None


def begin(job: Job, stop: Event) -> None:
    """Prepare this process. The process that started it handles Ctrl-C."""
    global _worker  # noqa: PLW0603 - a process pool keeps nothing else between two calls
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = ReplayWorker(job, stop)


def judge(piece: Piece) -> bytes:
    """Judge a piece and return the encoded batch."""
    if _worker is None:
        raise AssertionError("the process was not prepared")
    return encode(_worker.batch(piece))
