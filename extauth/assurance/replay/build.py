"""Builds of policies to replay with, from a directory or a commit of a git repository."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.checks.blame import slow_packages
from extauth.assurance.replay.worker import PolicyFiles
from extauth.compiler.repository import Repository
from extauth.errors import ConfigurationError, StackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.types import Facts

TIMEOUT = 0.25
"""Seconds that a decision may take, where no gateway.yaml says."""

BUNDLE = "bundle.tar.gz"


class PolicyBuild(msgspec.Struct, frozen=True):
    """Compiled policies. `name` is what people call them; equal digests decide alike.

    `opa` is the binary that compiled them.
    """

    name: str
    digest: str
    catalog: Mapping[str, Any]
    files: PolicyFiles
    opa: Path

    def slow(self, facts: Facts) -> tuple[str, ...]:
        """Return the packages that take seconds on these facts. Blocks for as long as they take."""
        return slow_packages(self.opa, self.files.directory / BUNDLE, facts)


def from_directory(directory: Path, work: Path, opa: Path, name: str | None = None) -> PolicyBuild:
    """Compile the policies of a directory into `work`, a directory of their own.

    Raises ConfigurationError with file and line, StackError when OPA can't be run.
    """
    repository = Repository.find(directory)
    files = repository.build(opa)
    work.mkdir(parents=True, exist_ok=True)
    timeout = (
        repository.configuration.settings.policy.timeout if repository.configuration else TIMEOUT
    )
    digest = sha256(repr(timeout).encode())
    (work / BUNDLE).write_bytes(files[f"policy/{BUNDLE}"])
    for file in ("policy.wasm", "data.json"):
        content = files[f"policy/{file}"]
        (work / file).write_bytes(content)
        digest.update(sha256(content).digest())
    return PolicyBuild(
        name=name or str(directory),
        digest=digest.hexdigest(),
        catalog=repository.catalog,
        files=PolicyFiles(work, timeout, repository.catalog),
        opa=opa,
    )


def from_revision(revision: str, work: Path, opa: Path) -> PolicyBuild:
    """Compile the policies of a commit: those of the current directory, as they were then.

    The work tree stays as it is. Raises ConfigurationError when git knows no such commit, or the
    current directory belongs to no repository, and what `from_directory` raises.
    """
    top, prefix = (_git("rev-parse", flag).strip() for flag in ("--show-toplevel", "--show-prefix"))
    try:
        named = f"{revision}^{{commit}}"
        commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", named)
    except ConfigurationError:
        raise ConfigurationError(f"git knows no commit {revision!r} in {top}") from None
    with _tree(Path(top), commit.strip()) as tree:
        directory = tree / prefix
        if not directory.is_dir():
            raise ConfigurationError(f"the commit {revision!r} has no directory {prefix}")
        try:
            return from_directory(directory, work, opa, name=revision)
        except ConfigurationError as error:
            told = error.message.replace(f"{tree}/", f"{revision}:").replace(str(tree), revision)
            raise ConfigurationError(told) from None


@contextmanager
def _tree(top: Path, commit: str) -> Iterator[Path]:
    """Check the files of a commit out for the length of the block; yield their directory."""
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        tree, index = Path(temporary).resolve() / "tree", Path(temporary) / "index"
        _git("-C", str(top), "read-tree", commit, index=index)
        _git("-C", str(top), "checkout-index", "--all", f"--prefix={tree}/", index=index)
        yield tree


def _git(*arguments: str, index: Path | None = None) -> str:
    """Run git and return its output; an `index` of its own spares the repository's."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and what a user names is not an option
            ["git", *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GIT_INDEX_FILE": str(index)} if index else None,
        )
    except OSError as error:
        raise StackError(f"git can't be run: {error.strerror}") from None
    if done.returncode:
        words = " ".join(done.stderr.removeprefix("fatal: ").split())
        raise ConfigurationError(f"git: {words or 'failed'}")
    return done.stdout
