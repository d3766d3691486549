"""Trials of candidate policies on live traffic: as a shadow, or as a canary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.rollout.canary import Canary
from extauth.rollout.candidate import Candidate
from extauth.rollout.record import Mode, TrialOrder
from extauth.rollout.shadow import Shadow
from extauth.rollout.trial import Trial, TrialEngine

if TYPE_CHECKING:
    from extauth.observability.metrics import Metrics
    from extauth.snapshot import Snapshot
    from extauth.snapshot.signing import Verifier
    from extauth.types import Clock

__all__ = ["Canary", "Mode", "Shadow", "Trial", "TrialEngine", "TrialOrder", "open_trial"]

_TRIALS: dict[Mode, type[Shadow | Canary]] = {Mode.SHADOW: Shadow, Mode.CANARY: Canary}


async def open_trial(
    mode: Mode,
    order: TrialOrder,
    snapshot: Snapshot,
    directory: Path,
    *,
    verifier: Verifier | None,
    metrics: Metrics,
    clock: Clock,
    worker: int = 0,
) -> Trial:
    """Start a trial. `directory` holds its record, and the candidate by its digest.

    Each worker has a record of its own; `load` takes them together.

    Raises ConfigurationError when the candidate can't be loaded or its signature is not valid,
    StackError when the disk refuses.
    """
    # Its last part alone: an order leads nowhere else.
    root = directory / Path(order.candidate).name
    candidate = await Candidate.open(root, snapshot, verifier)
    trial = _TRIALS[mode](
        order=order,
        snapshot=snapshot.digest,
        candidate=candidate,
        directory=directory,
        metrics=metrics,
        clock=clock,
        worker=worker,
    )
    try:
        await trial.start()
    except OSError as error:
        await trial.stop("it could not be written down")
        await trial.closed()
        raise StackError(f"cannot write {directory}: {error.strerror}") from None
    return trial
