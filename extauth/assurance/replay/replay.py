"""A replay from its trace to its figures."""

from __future__ import annotations

import os
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.replay.batch import BadRecord
from extauth.assurance.replay.checkpoint import Checkpoint, drop, load, save
from extauth.assurance.replay.crew import batches
from extauth.assurance.replay.interrupts import held_back
from extauth.assurance.replay.tally import Prices, Tally
from extauth.assurance.replay.trace import Cursor
from extauth.assurance.replay.worker import OUT_OF_ORDER, Job, ReplayWorker
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from extauth.assurance.replay.batch import Batch
    from extauth.assurance.replay.build import PolicyBuild
    from extauth.assurance.replay.figures import Figures
    from extauth.assurance.replay.trace import Trace


class Comparison(msgspec.Struct, frozen=True):
    """The comparison of a candidate with a base, over a part of the trace.

    Without a `base`, the candidate is compared with what was recorded; `catalog` then has the
    prices of the time, where they are known. The part is from `since`, before `until`, in unix
    seconds. `sample` is the share of requests to look at; a limit then sees only these.
    """

    candidate: PolicyBuild
    base: PolicyBuild | None = None
    catalog: Mapping[str, Any] | None = None
    since: float | None = None
    until: float | None = None
    sample: float = 1.0


def replay(
    comparison: Comparison,
    trace: Trace,
    *,
    resume: Path,
    workers: int | None = None,
    watch: Callable[[int, float], None] = lambda _records, _share: None,
) -> Figures:
    """Run the trace, and return the figures.

    Uses all cores, or so many `workers`; the figures do not depend on it. `watch` is called with
    the records and the share that are done. KeyboardInterrupt leaves its progress in the file
    `resume`, and the same call goes on from there. Raises ConfigurationError for a record that
    can't be used, by its place, and for policies that can't be loaded; StackError when a worker
    dies.
    """
    base = comparison.base
    prices = base.catalog if base else comparison.catalog or comparison.candidate.catalog
    tally = Tally(Prices.of(prices), Prices.of(comparison.candidate.catalog))
    identity, cursor, last = _identity(comparison, trace), Cursor(), float("-inf")
    progress = load(resume, identity)
    if progress is not None:
        cursor = progress.cursor
        tally.resume(progress.figures, progress.ledgers)
    same = base is not None and base.digest == comparison.candidate.digest
    job = Job(
        candidate=comparison.candidate.files,
        base=comparison.candidate.files if same else base.files if base else None,
        since=comparison.since,
        until=comparison.until,
        sample=comparison.sample,
    )
    # Here, since a worker process could not say what is wrong with a policy.
    own, cores = ReplayWorker(job), workers or _cores()
    try:
        with closing(own), closing(batches(job, own, trace.pieces(cursor), cores)) as judged:
            for piece, batch in judged:
                with held_back():
                    _check(batch, trace, cursor, last)
                    tally.add(batch)
                    cursor, last = piece.after(cursor, batch.read), max(last, batch.last)
                for package, facts in batch.late.items():
                    if package not in tally.figures.late:
                        tally.figures.late[package] = comparison.candidate.slow(facts)
                watch(cursor.records, trace.share(cursor))
    except KeyboardInterrupt:
        save(resume, Checkpoint(identity, cursor, tally.figures, tally.ledgers()))
        raise
    drop(resume)
    return tally.figures


def _check(batch: Batch, trace: Trace, cursor: Cursor, last: float) -> None:
    fault = batch.fault
    if fault is None and batch.first < last:
        fault = BadRecord(1, OUT_OF_ORDER)
    if fault is not None:
        raise ConfigurationError(f"{trace.where(cursor.records + fault.place)}: {fault.message}")


def _identity(comparison: Comparison, trace: Trace) -> str:
    """Return a digest of everything that the figures depend on."""
    base, catalog = comparison.base, comparison.catalog
    parts = (
        comparison.candidate.digest,
        base.digest if base else None,
        msgspec.json.encode(catalog, order="sorted") if catalog else None,
        trace.identity(),
        comparison.since,
        comparison.until,
        comparison.sample,
    )
    return sha256(repr(parts).encode()).hexdigest()


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
