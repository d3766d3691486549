"""A copy of the shipped policies to break, with a catalog and no configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from extauth.compiler.repository import Repository
from tests.policy.conftest import CATALOG, POLICIES, opa_path

Edit = Callable[[str, str, str], Path]


@pytest.fixture(scope="session")
def opa() -> Path:
    return opa_path()


@pytest.fixture(scope="session")
def built(opa: Path) -> Mapping[str, bytes]:
    """What the shipped policies compile to."""
    return Repository(POLICIES, CATALOG).build(opa)


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository, which is the working directory's `policies`."""
    root = tmp_path / "policies"
    shutil.copytree(POLICIES, root)
    (root / "catalog.yaml").write_text(json.dumps({"models": CATALOG}, indent=2))
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def repository(policies: Path) -> Repository:
    return Repository.find(policies)


@pytest.fixture
def edit(policies: Path) -> Edit:
    """Replace one text in one file of the policies."""

    def replace(name: str, old: str, new: str) -> Path:
        file = policies / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        return file

    return replace


def few_tests(policies: Path, *kept: str) -> None:
    """Leave the unit tests of these packages: those of all take OPA a second and more."""
    for file in (policies / "gateway").rglob("*_test.rego"):
        if file.parent.name not in {"example", *kept}:
            file.unlink()


def line_of(file: Path, text: str) -> int:
    """The first line that holds a text."""
    return next(n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line)
