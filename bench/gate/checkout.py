"""The two trees that are compared: this one, and a revision laid out beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.envoy import BENCH
from bench.errors import MeasurementFailed

ROOT = BENCH.parent


@dataclass(frozen=True, slots=True)
class Checkout:
    """A tree of this repository, and what to call it."""

    title: str
    path: Path

    def environment(self, workdir: Path) -> dict[str, str]:
        """Variables that have Python run this tree's code, the same way every time.

        Raises MeasurementFailed when it would run another's.
        """
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.path),
            "PYTHONHASHSEED": "0",
            # Unset: to compile its modules at each start takes minutes under valgrind.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        command = [sys.executable, "-P", "-c", "import extauth; print(extauth.__file__)"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=workdir
        )
        found = Path(done.stdout.strip())
        if done.returncode or not found.is_relative_to(self.path):
            raise MeasurementFailed(
                f"{self.title}: Python does not import extauth from {self.path}: "
                f"{done.stderr.strip() or found}"
            )
        return environment


def working_tree() -> Checkout:
    """This tree, with what is not committed."""
    return Checkout("working tree", ROOT)


def revision(name: str, into: Path) -> Checkout:
    """A revision of this repository, its files laid out in `into`.

    Raises MeasurementFailed when git does not know it, or this is not a git repository.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if commit is None:
        where = (
            "this repository" if _git("rev-parse", "--git-dir") else f"{ROOT}, no git repository"
        )
        raise MeasurementFailed(
            f"{name!r} is not a revision of {where}; name a branch, a tag or a commit"
        )
    archive = into.with_suffix(".tar")
    if _git("archive", "--format=tar", f"--output={archive}", commit) is None:
        raise MeasurementFailed(f"git cannot archive {name}")
    into.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(into)], check=True)
    archive.unlink()
    return Checkout(name if name == commit else f"{name} ({commit[:10]})", into)


def _git(*arguments: str) -> str | None:
    """What git says; None when it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise MeasurementFailed("git is not installed (on Debian: apt install git)") from None
    return None if done.returncode else done.stdout.strip()
