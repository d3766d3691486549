"""Scaffold of a policy repository: the shipped rules, a catalogue of models, and CI."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError, StackError
from extauth.storage.resources import ci_templates, policies

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPLATE = Path(__file__).parent / "template"
_POLICIES = ("gateway", "data", "schemas", "cases")
_MUTANTS = "mutants.yaml"
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__")
_CI = {
    "github/policies.yml": ".github/workflows/policies.yml",
    "gitlab/policies.gitlab-ci.yml": ".gitlab-ci.yml",
    "pre-commit/.pre-commit-config.yaml": ".pre-commit-config.yaml",
}
_OWN = {"README.md": "README.md", "catalog.yaml": "catalog.yaml", "gitignore": ".gitignore"}


def make_repository(directory: Path) -> None:
    """Fill `directory`, created if missing, with a policy repository that passes its checks.

    A fresh git repository (nothing but `.git`) counts as empty. Raises ConfigurationError when
    the directory holds anything else or is a file, StackError when it can't be written.
    """
    try:
        _refuse_occupied(directory)
        directory.mkdir(parents=True, exist_ok=True)
        for name in _POLICIES:
            shutil.copytree(policies() / name, directory / name, ignore=_LEFT_OUT)
        shutil.copyfile(policies() / _MUTANTS, directory / _MUTANTS)
        for source, name in _files():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    except OSError as error:
        raise StackError(f"{directory} can't be written: {error.strerror or error}") from None


def _files() -> Iterator[tuple[Path, str]]:
    for source, name in _OWN.items():
        yield _TEMPLATE / source, name
    for source, name in _CI.items():
        yield ci_templates() / source, name


def _refuse_occupied(directory: Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ConfigurationError("is a file; name a directory", file=directory)
    found = next((entry.name for entry in directory.iterdir() if entry.name != ".git"), None)
    if found is not None:
        raise ConfigurationError(
            f"is not empty (it holds {found}); name a new directory", file=directory
        )
