"""Where Envoy, OPA and Triton come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that can be run: its binary, its version, and how it was found."""

    name: str
    path: Path
    version: str
    source: str
