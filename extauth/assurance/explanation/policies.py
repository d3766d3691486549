"""Policies to explain with, taken from a snapshot or built from a repository."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extauth.compiler.repository import Repository
from extauth.errors import ConfigurationError, StackError
from extauth.snapshot.bundle import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE = "bundle.tar.gz"

_FILES = ("policy.wasm", "data.json", BUNDLE)


@dataclass(frozen=True, slots=True)
class Policies:
    """Compiled policies in a directory of their own, with their sources.

    `directory` holds `policy.wasm` and `data.json`, `sources` the Rego files and `data.json` as
    the repository and the bundle lay them out. `name` says which policies they are. What is
    entered into `opened` is closed before the directory goes.
    """

    name: str
    directory: Path
    sources: Path
    data: dict[str, Any]
    opened: ExitStack

    @property
    def modules(self) -> tuple[str, ...]:
        """The Rego files, relative to `sources`."""
        return tuple(
            sorted(str(file.relative_to(self.sources)) for file in self.sources.rglob("*.rego"))
        )


@contextmanager
def of_snapshot(snapshots: Path, digest: str) -> Iterator[Policies]:
    """Yield the policies of a snapshot. Raises StackError when the snapshot is gone."""
    root = snapshots / digest / "policy"
    if not root.is_dir():
        raise StackError(
            f"snapshot {digest} is gone from {snapshots}; name the policies to explain with: "
            "--policies DIR"
        )
    with _work() as work:
        try:
            for name in _FILES:
                shutil.copyfile(root / name, work / name)
        except OSError as error:
            raise ConfigurationError(f"can't be read: {error.strerror}", file=root / name) from None
        with ExitStack() as opened:
            yield _open(work, digest, opened)


@contextmanager
def of_repository(directory: Path, opa: Path) -> Iterator[Policies]:
    """Build the policies of a directory as `sluice apply` does, and yield them.

    Raises ConfigurationError with file and line.
    """
    repository = Repository.find(directory)
    files = repository.build(opa)
    with _work() as work:
        for name in _FILES:
            (work / name).write_bytes(files[f"policy/{name}"])
        with ExitStack() as opened:
            yield _open(work, str(repository.root), opened)


@contextmanager
def _work() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sluice-explain-") as temporary:
        yield Path(temporary)


def _open(work: Path, name: str, opened: ExitStack) -> Policies:
    sources = work / "sources"
    try:
        for file, content in unpack((work / BUNDLE).read_bytes()).items():
            if file.endswith((".rego", "data.json")):
                path = sources / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        data = json.loads((sources / "data.json").read_bytes())
    except (OSError, ConfigurationError, ValueError):
        raise ConfigurationError(
            f"the policies of {name} are not a bundle; compile them again"
        ) from None
    return Policies(name, work, sources, data, opened)
