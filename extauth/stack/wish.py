"""What an operator asks of `sluice up`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.storage.state import StateDir


@dataclass(frozen=True, slots=True)
class Wish:
    """A configuration to run in a state directory; None keeps the configuration's own port."""

    config: Path
    state: StateDir
    port: int | None = None
    admin_port: int | None = None
