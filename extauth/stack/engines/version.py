"""Asking a binary for its version."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Version = tuple[int, int, int]
_DIGITS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def ask(binary: Path, *arguments: str, pattern: str) -> Version | None:
    """The version that `binary` prints after `pattern`, or None if it does not run or tell."""
    try:
        done = subprocess.run(  # noqa: S603  # a binary that the operator or a wheel chose
            [binary, *arguments],
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
    """`(1, 19, 1)` as `1.19.1`."""
    return ".".join(map(str, version))
