"""The model repository of the embedded Triton, from a snapshot and the operator's models."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.snapshot import Snapshot
    from extauth.storage.state import StateDir

CONFIG = "config.pbtxt"


def lay_out(snapshot: Snapshot, repositories: Mapping[str, Path], state: StateDir) -> Path:
    """Make the model repository anew and return it.

    Each model's `config.pbtxt` is the snapshot's. The operator's files are linked, so that weights
    are not copied: the versions that the snapshot has, and everything that is not a version, such
    as code that they share. Raises StackError when a version is missing.
    """
    root = state.triton / "models"
    shutil.rmtree(root, ignore_errors=True)
    for name, repository in repositories.items():
        directory = root / name
        directory.mkdir(parents=True)
        shutil.copyfile(snapshot.root / "triton" / name / CONFIG, directory / CONFIG)
        versions = snapshot.settings.served[name].versions
        for version in versions:
            if not (repository / version).is_dir():
                raise StackError(
                    f"model {name} has no version {version}: {repository / version} is missing"
                )
        for entry in repository.iterdir():
            if entry.name in versions or not (entry.name.isdigit() or entry.name == CONFIG):
                (directory / entry.name).symlink_to(entry.resolve())
    return root
