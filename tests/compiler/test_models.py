"""Envoy's messages are plain dataclasses here, and come out as if they were pydantic's models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
RENDER = """
import importlib, json, pathlib, sys
import pydantic.dataclasses
from extauth.assurance.generate import envoy_demo
before = pydantic.dataclasses.dataclass
for name in sys.argv[1:]:
    importlib.import_module(name)
demo = envoy_demo(pathlib.Path("gateway.yaml"))
modules = [name for name in sys.modules if name.startswith("envoy_data_plane")]
listener = sys.modules["envoy_data_plane.envoy.config.listener.v3"].Listener
print(json.dumps({
    "demo": demo,
    "modules": modules,
    "validated": hasattr(listener, "__pydantic_validator__"),
    "restored": pydantic.dataclasses.dataclass is before,
}))
"""


def rendered(*imported: str) -> dict[str, Any]:
    """What a new process tells that has imported these first."""
    done = subprocess.run(
        [sys.executable, "-c", RENDER, *imported], cwd=REPOSITORY, capture_output=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_bytes_are_those_of_validated_models() -> None:
    plain = rendered()
    assert not plain["validated"]
    assert plain["restored"]
    validated = rendered(*plain["modules"])
    assert validated["validated"]
    assert plain["demo"] == validated["demo"]
    assert set(plain["demo"]) == {"cds.yaml", "lds.yaml"}
