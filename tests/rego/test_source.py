"""Files that never end, and those that take for ever to read, are refused at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

from extauth.assurance.checks.directory import find_target
from extauth.compiler.document import read_document
from extauth.compiler.policies import compile_policies
from extauth.compiler.repository import Repository
from extauth.errors import ConfigurationError
from extauth.policy.cases import load_cases
from extauth.rego import source
from extauth.rego.source import DEPTH, LARGEST, Loader, UnreadYaml, read_text, require_files
from tests.policy.conftest import opa_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[dict[str, str]], Path]

IRREGULAR = {
    "fifo": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
}


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_the_text_of_a_file(write: Write) -> None:
    root = write({"a.yaml": "ä: 1\n"})
    (root / "link.yaml").symlink_to("a.yaml")
    assert read_text(root / "link.yaml") == "ä: 1\n"


@pytest.mark.parametrize("kind", IRREGULAR)
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    IRREGULAR[kind](tmp_path / "a.yaml")
    for read in (read_text, read_document):
        with pytest.raises(ConfigurationError, match=r"a\.yaml: is not a regular file"):
            read(tmp_path / "a.yaml")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(bytes(LARGEST))
    assert len(read_text(file)) == LARGEST
    file.write_bytes(bytes(LARGEST + 1))
    with pytest.raises(ConfigurationError, match="is larger than 4 MiB"):
        read_text(file)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        read_text(tmp_path / "a.yaml")


def test_yaml_is_read_to_a_depth() -> None:
    assert yaml.load(deep(DEPTH), Loader) is not None  # noqa: S506  # it is a safe one
    for text in (deep(DEPTH + 1), "[" * 100_000, "- " * 100_000):
        with pytest.raises(UnreadYaml, match="more than 100 levels"):
            yaml.load(text, Loader)  # noqa: S506


def test_depth_is_told_with_its_line(write: Write) -> None:
    root = write({"fixtures.yaml": "fixtures:\n  base:\n    a: " + "[" * 100_000})
    for read in (lambda: load_cases(root), lambda: read_document(root / "fixtures.yaml")):
        with pytest.raises(ConfigurationError, match="more than 100 levels") as caught:
            read()
        assert (caught.value.file, caught.value.line) == (root / "fixtures.yaml", 3)


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.parametrize("name", ["gateway/a/a.rego", "data/a.yaml", "schemas/a.json", "cases/a"])
def test_policies_are_files(write: Write, name: str, kind: str) -> None:
    root = write({"gateway/a/b.rego": "package gateway.a\n", f"{name}.old": ""})
    require_files(root)
    IRREGULAR[kind](root / name)
    with pytest.raises(ConfigurationError, match="is not a regular file") as caught:
        require_files(root)
    assert caught.value.file == root / name


def test_no_command_begins_with_others(write: Write) -> None:
    root = write({"gateway/a/a.rego": "package gateway.a\n", "catalog.yaml": "models: {}\n"})
    Repository.find(root)
    os.mkfifo(root / "gateway" / "more.rego")
    for read in (Repository.find, find_target, lambda root: compile_policies(root, {}, opa_path())):
        with pytest.raises(ConfigurationError, match=r"more\.rego: is not a regular file"):
            read(root)
    (root / "catalog.yaml").write_text("models: [\n")
    with pytest.raises(ConfigurationError, match=r"more\.rego: is not a regular file"):
        find_target(root)


@pytest.mark.parametrize(("bound", "value"), [("MOST_FILES", 1), ("LARGEST_TOGETHER", 9)])
def test_they_are_bounded_together(
    write: Write, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    root = write({"gateway/a.rego": "package a\n", "data/a.yaml": "a: 1\n"})
    require_files(root)
    monkeypatch.setattr(source, bound, value)
    with pytest.raises(ConfigurationError, match="holds more than"):
        require_files(root)
