"""A directory of Rego to run OPA in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.rego.opa import Opa
from tests.policy.conftest import opa_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def opa() -> Opa:
    return Opa(opa_path())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files below the directory, by name; return the directory."""

    def made(files: dict[str, str]) -> Path:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return made
