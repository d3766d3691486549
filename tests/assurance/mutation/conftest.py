"""Tiny repositories of policies, each about one thing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.mutation import mutate
from extauth.compiler.repository import Repository
from extauth.stack.engines.opa import find_opa

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.assurance.findings import Report


@pytest.fixture(scope="session")
def opa() -> Path:
    return find_opa().path


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Write files under the root of the policies, which is where the command is called."""
    monkeypatch.chdir(tmp_path)

    def made(files: dict[str, str]) -> None:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return made


@pytest.fixture
def run(tmp_path: Path, opa: Path) -> Callable[[], Report]:
    """Mutate what was written."""
    return lambda: mutate(Repository(tmp_path, {}), opa)
