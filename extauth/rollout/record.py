"""Records of trials: in the state directory, a file for each mode and worker, of its latest trial.

A record outlives the trial, the snapshot that it ran on, and the service.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec

from extauth.errors import StackError
from extauth.storage.state import write_secret

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

WHOLE = 10_000
"""A share of everything: shares count in hundredths of a percent."""


class Mode(StrEnum):
    """Mode of a trial: a shadow decides beside the live policy, a canary in its place."""

    SHADOW = "shadow"
    CANARY = "canary"


class TrialOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Order to try a candidate. `share` is 1 to WHOLE; `source` is where its policies came from.

    `candidate` is its digest: the compiled policies lie in the directory of that name.
    """

    candidate: str
    source: str
    share: Annotated[int, msgspec.Meta(ge=1, le=WHOLE)]


class ShadowExample(msgspec.Struct, frozen=True):
    """A request that the two policies decide differently."""

    request_id: str
    time: float
    difference: str
    rules: tuple[str, ...]
    tenant: str


class ShadowCount(msgspec.Struct, frozen=True):
    """Count of the requests of a tenant that differ in one way under one rule."""

    difference: str
    rule: str
    tenant: str
    requests: int


class ShadowTally(msgspec.Struct):
    """Results of a shadow. `compared` is `equal` and the requests that differ.

    `errors` counts the requests on which the candidate failed, by its message, `dropped` those that
    there was no room to compare, `differences` those that differ, by kind.
    """

    compared: int = 0
    equal: int = 0
    dropped: int = 0
    errors: dict[str, int] = {}
    differences: dict[str, int] = {}
    counts: tuple[ShadowCount, ...] = ()
    examples: tuple[ShadowExample, ...] = ()

    def together(self, other: ShadowTally) -> ShadowTally:
        """Return the sum of the results of two workers in one trial."""
        counts = Counter(
            {(one.difference, one.rule, one.tenant): one.requests for one in self.counts}
        )
        counts.update(
            {(one.difference, one.rule, one.tenant): one.requests for one in other.counts}
        )
        return ShadowTally(
            compared=self.compared + other.compared,
            equal=self.equal + other.equal,
            dropped=self.dropped + other.dropped,
            errors=dict(Counter(self.errors) + Counter(other.errors)),
            differences=dict(Counter(self.differences) + Counter(other.differences)),
            counts=tuple(ShadowCount(*line, requests) for line, requests in sorted(counts.items())),
            examples=self.examples + other.examples,
        )


class TrialRecord(msgspec.Struct):
    """Record of a trial. Times are unix seconds; `ended` is None while it runs, `why` says why.

    `failed` is true if it was stopped because the candidate failed too often.
    """

    mode: Mode
    order: TrialOrder
    snapshot: str
    started: float
    ended: float | None = None
    why: str | None = None
    failed: bool = False
    tally: ShadowTally | None = None

    @property
    def running(self) -> bool:
        """True while the trial goes on."""
        return self.ended is None

    @property
    def headline(self) -> str:
        """The candidate, its share and the state of the trial in one line."""
        of = "principals" if self.mode is Mode.CANARY else "requests"
        state = "running" if self.running else f"ended: {self.why}"
        return (
            f"{self.mode} of {self.order.source} ({self.order.candidate[:12]}) on "
            f"{self.order.share / 100:g} % of {of}; {state}"
        )


def save(directory: Path, record: TrialRecord, worker: int = 0) -> None:
    """Replace the record of the mode's previous trial in this worker. Raises OSError."""
    directory.mkdir(mode=0o700, exist_ok=True)
    text = msgspec.json.encode(record).decode() + "\n"
    write_secret(directory / _name(record.mode, worker), text)


def load(directory: Path, mode: Mode) -> TrialRecord | None:
    """Return the latest trial of this mode, None if there was none. Raises StackError.

    It is worker 0's, with the results of the others in the same trial.
    """
    record = _read(directory / _name(mode, 0))
    if record is None:
        return None
    for file in sorted(directory.glob(f"{mode}-*.json")):
        part = _read(file)
        if part is None or part.tally is None or record.tally is None:
            continue
        # Worker 0 starts a trial first.
        if part.order == record.order and part.started >= record.started:
            record.tally = record.tally.together(part.tally)
    return record


def _name(mode: Mode, worker: int) -> str:
    return f"{mode}-{worker}.json" if worker else f"{mode}.json"


def _read(file: Path) -> TrialRecord | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=TrialRecord)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StackError(f"{file}: can't be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise StackError(f"{file}: written by another version of sluice: {error}") from None


def end_interrupted(directory: Path, worker: int = 0) -> None:
    """End the records of trials that an earlier process left running."""
    for mode in Mode:
        try:
            record = _read(directory / _name(mode, worker))
            if record is not None and record.running:
                record.ended, record.why = time.time(), "the service was restarted"
                save(directory, record, worker)
        except (StackError, OSError) as error:
            # Not a reason to refuse service.
            logger.warning("the %s before this start: %s", mode, error)
