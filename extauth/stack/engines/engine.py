"""A binary that a stack runs, and its version."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extauth.rego.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

Version = tuple[int, int, int]
_DIGITS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that can be run: its binary, its version, and the source that it was found in."""

    name: str
    path: Path
    version: str
    source: str


def version_of(binary: Path, *arguments: str, pattern: str) -> Version | None:
    """Return the version that `binary` prints after `pattern`, None if it prints none."""
    try:
        done = subprocess.run(  # noqa: S603  # a binary that the operator or a wheel chose
            [binary, *arguments],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern + _DIGITS.pattern, done.stdout)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def dotted(version: Version) -> str:
    """Write `(1, 19, 1)` as `1.19.1`."""
    return ".".join(map(str, version))
