"""The repository to check, found even where its configuration is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.place import findings
from extauth.assurance.findings import Check
from extauth.compiler.document import read_document
from extauth.compiler.repository import CONFIG, Repository
from extauth.errors import ConfigurationError
from extauth.rego.source import require_files

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.assurance.findings import Diagnostic


class CheckTarget(msgspec.Struct, frozen=True):
    """A repository, and the faults of the file that names its models.

    With `faults`, the repository has neither a catalog nor a configuration.
    """

    repository: Repository
    faults: tuple[Diagnostic, ...] = ()


def find_target(directory: Path) -> CheckTarget:
    """Find the policies in `directory`, or those that its gateway.yaml names.

    Raises ConfigurationError when it is not a directory, has no policies, or has what no command
    can read to an end.
    """
    try:
        repository = Repository.find(directory)
    except ConfigurationError as error:
        root = _root(directory)
        if root is None:
            raise
        require_files(root)
        return CheckTarget(Repository(root, {}), findings(error))
    if not (repository.root / "gateway").is_dir():
        raise ConfigurationError(
            "holds no policies; expected the directory gateway/", file=repository.root
        )
    return CheckTarget(repository)


def check_configuration(target: CheckTarget) -> Check:
    """Check that gateway.yaml, or catalog.yaml, is valid by its schema."""
    return Check("configuration", "Configuration", findings=target.faults)


def _root(directory: Path) -> Path | None:
    """Return the policies of a repository that can't be read as a whole."""
    if (directory / "gateway").is_dir():
        return directory
    config = directory / CONFIG
    if not config.is_file():
        return None
    named: object = None
    try:
        value = read_document(config).value
        named = value["policy"]["directory"]
    except (ConfigurationError, KeyError, TypeError):
        named = "policies"
    root = directory / named if isinstance(named, str) else directory / "policies"
    return root if (root / "gateway").is_dir() else None
