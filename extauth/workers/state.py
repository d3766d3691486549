"""The messages of workers to each other."""

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
        """True while requests take part in it."""
        return self.why is None


class WorkerState(msgspec.Struct, frozen=True):
    """The snapshot that a worker serves, and its parts that fail. `retiring` is as in `Served`."""

    digest: str
    sequence: int
    retiring: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    trial: TrialState | None = None


class Preparation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The snapshot to load, as a `rollback` with any sequence number."""

    digest: str
    rollback: bool = False


class Commitment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prepared snapshot to serve."""

    digest: str


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reason of a trial's end; `failed` when its candidate is to blame."""

    why: str = "it was stopped"
    failed: bool = False


class Forgetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names to forget, each with the one that takes its place."""

    names: dict[str, str]
