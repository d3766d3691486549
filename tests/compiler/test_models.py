"""Envoy's messages are plain dataclasses here, and come out as if they were pydantic's models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
RENDER = """
import importlib, json, runpy, sys
import pydantic.dataclasses
before = pydantic.dataclasses.dataclass
for name in sys.argv[3:]:
    importlib.import_module(name)
sys.argv[3:] = []
runpy.run_module("extauth.compiler.proxy", run_name="__main__")
modules = [name for name in sys.modules if name.startswith("envoy_data_plane")]
listener = sys.modules["envoy_data_plane.envoy.config.listener.v3"].Listener
print(json.dumps({
    "modules": modules,
    "validated": hasattr(listener, "__pydantic_validator__"),
    "restored": pydantic.dataclasses.dataclass is before,
}))
"""


def rendered(out: Path, imported: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What a new process tells that has imported these first, and the demo's resources by it."""
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", RENDER, "gateway.yaml", out, *imported],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout), {file.name: file.read_bytes() for file in out.iterdir()}


def test_the_bytes_are_those_of_validated_models(tmp_path: Path) -> None:
    told, plain = rendered(tmp_path / "plain")
    assert not told["validated"]
    assert told["restored"]
    told, validated = rendered(tmp_path / "validated", told["modules"])
    assert told["validated"]
    assert plain == validated
    assert set(plain) == {"cds.yaml", "lds.yaml"}
