"""The settings that a state directory's gateway runs with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.snapshot import Snapshot
from extauth.storage.state import StateDir

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.settings import Settings


def active_settings(state_dir: Path) -> Settings:
    """Those of the active snapshot. Raises StackError when there is none."""
    active = StateDir.at(state_dir).active
    if not active.exists():
        raise StackError(f"{active}: no configuration is active here; `sluice up` compiles one")
    return Snapshot.load(active.resolve()).settings
