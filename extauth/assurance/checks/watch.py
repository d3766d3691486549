"""Watch of a directory: runs again when a policy, its data or a case changes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE_SECONDS = 0.3

_SUFFIXES = (".rego", ".yaml", ".yml", ".json")
_HIDDEN = "."

Stamps = dict[Path, tuple[int, int]]


def watch(directory: Path, run: Callable[[], None], *, pause: float = PAUSE_SECONDS) -> None:
    """Call `run`, and again after each change in `directory`, until it is interrupted.

    Looks every `pause` seconds. A change during a run starts the next one. Raises what `run`
    raises, and KeyboardInterrupt.
    """
    while True:
        seen = stamps(directory)
        run()
        while stamps(directory) == seen:
            time.sleep(pause)


def stamps(directory: Path) -> Stamps:
    """Return the time and size of every file of policies, hidden directories aside."""
    found: Stamps = {}
    for root, directories, files in os.walk(directory):
        directories[:] = [name for name in directories if not name.startswith(_HIDDEN)]
        for name in files:
            if name.endswith(_SUFFIXES):
                file = Path(root, name)
                try:
                    status = file.stat()
                except OSError:
                    continue  # Gone since it was listed.
                found[file] = (status.st_mtime_ns, status.st_size)
    return found
