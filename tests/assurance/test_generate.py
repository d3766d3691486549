"""What is made from types and policies is up to date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from extauth.assurance.generate import SCHEMAS, schema_text
from extauth.obligations import ENFORCED, ObligationName
from extauth.storage.resources import schema

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_that_of_its_type(name: str) -> None:
    assert schema(name).read_text("utf-8") == schema_text(name), "`make generate` writes it"


def test_a_decision_may_hold_each_obligation_under_its_name() -> None:
    decision = msgspec.json.decode(schema_text("decision"))
    choices = decision["properties"]["obligations"]["items"]["anyOf"]
    names = [choice["$ref"].removeprefix("#/$defs/") for choice in choices]
    assert names == list(get_args(ObligationName))
    assert len(names) == len(ENFORCED)
    for name in names:
        assert decision["$defs"][name]["properties"]["type"]["const"] == name


def test_a_case_may_exclude_each_obligation() -> None:
    case = msgspec.json.decode(schema_text("case"))
    without = case["$defs"]["Expectation"]["properties"]["without"]["items"]["enum"]
    assert sorted(without) == sorted(get_args(ObligationName))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_reference_leads_somewhere(name: str) -> None:
    document = msgspec.json.decode(schema_text(name))
    for reference in references(document):
        assert reference.removeprefix("#/$defs/") in document["$defs"], reference


def references(node: Any) -> list[str]:
    """Every reference within a schema, those of discriminators too."""
    if isinstance(node, str):
        return [node] if node.startswith("#/$defs/") else []
    children = (
        list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    )
    return [each for child in children for each in references(child)]


def test_without_an_opa_it_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "extauth.assurance.generate"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": "/nowhere", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert "can't be run" in done.stderr
    assert "Traceback" not in done.stderr
