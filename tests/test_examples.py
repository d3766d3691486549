"""The examples are configurations that the compiler takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.proxy import render

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_compiled(example: Path) -> None:
    source = read_configuration(example, Overrides())
    assert set(render(source.settings, Overrides())) == {"lds.yaml", "cds.yaml"}


def test_there_are_examples() -> None:
    assert EXAMPLES
