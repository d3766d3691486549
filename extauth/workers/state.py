"""What workers tell each other."""

from __future__ import annotations

import msgspec

from extauth.rollout import Mode, TrialOrder


class TrialState(msgspec.Struct, frozen=True):
    """A worker's trial. `why` says why it does not run any more; `failed` is as in its record."""

    mode: Mode
    order: TrialOrder
    why: str | None = None
    failed: bool = False

    @property
    def running(self) -> bool:
        """Whether requests take part in it."""
        return self.why is None


class WorkerState(msgspec.Struct, frozen=True):
    """What a worker serves, and what of it does not work. `retiring` is as in `Served`."""

    digest: str
    sequence: int
    retiring: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    trial: TrialState | None = None


class Preparation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which snapshot to load, and whether it may have a lower sequence number."""

    digest: str
    rollback: bool = False


class Commitment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the prepared snapshots to serve."""

    digest: str


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a trial ends, and whether that is its candidate's fault."""

    why: str = "it was stopped"
    failed: bool = False


class Forgetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which names are not to be kept in memory any more, and what takes their place."""

    names: dict[str, str]
