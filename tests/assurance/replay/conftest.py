"""Policies with one thing changed, and recorded traffic under the shipped ones."""

from __future__ import annotations

import contextlib
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import yaml

from extauth.assurance.replay.build import from_directory
from extauth.assurance.replay.replay import Comparison, replay
from extauth.assurance.replay.trace import open_trace
from extauth.policy import WasmEngine
from extauth.stack.engines.opa import find_opa

from .trace import line, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.assurance.replay.build import PolicyBuild
    from extauth.assurance.replay.figures import Figures

REPOSITORY = Path(__file__).parents[3]
COUNT, MANY = 400, 1100
"""Records of a single piece, and of three."""


class Change(Protocol):
    """The shipped policies with one text replaced in one file, compiled."""

    def __call__(self, file: str, old: str, new: str) -> PolicyBuild: ...


class Run(Protocol):
    """A replay of recorded traffic."""

    def __call__(
        self,
        candidate: PolicyBuild,
        records: Path = ...,
        *,
        base: PolicyBuild | None = ...,
        workers: int = ...,
        since: float | None = ...,
        until: float | None = ...,
        sample: float = ...,
    ) -> Figures: ...


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> PolicyBuild:
    """The repository's own policies."""
    return from_directory(REPOSITORY, tmp_path_factory.mktemp("shipped"), find_opa().path)


@pytest.fixture(scope="session")
def engine(shipped: PolicyBuild) -> Iterator[WasmEngine]:
    """They decide here."""
    made = WasmEngine(shipped.files.directory, 5.0)
    yield made
    with contextlib.suppress(StopIteration):
        made.close().send(None)


@pytest.fixture(scope="session")
def many(engine: WasmEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of `MANY` records, two a second."""
    path = tmp_path_factory.mktemp("records") / "many.jsonl"
    path.write_bytes(b"".join(map(line, records(engine, MANY))))
    return path


@pytest.fixture(scope="session")
def recorded(many: Path) -> Path:
    """The first `COUNT` of them."""
    path = many.with_name("records.jsonl")
    path.write_bytes(b"".join(many.read_bytes().splitlines(keepends=True)[:COUNT]))
    return path


@pytest.fixture
def policies(tmp_path: Path, shipped: PolicyBuild) -> Path:
    """A copy of the policies, to be changed, with a catalog of their own."""
    return _copy(shipped, tmp_path)


@pytest.fixture(scope="session")
def change(shipped: PolicyBuild, tmp_path_factory: pytest.TempPathFactory) -> Change:
    """See Change; the same change is compiled once."""

    def changed(file: str, old: str, new: str) -> PolicyBuild:
        root = tmp_path_factory.mktemp("change")
        policies = _copy(shipped, root)
        edit(policies / file, old, new)
        return from_directory(policies, root / "changed", find_opa().path)

    return cache(changed)


@pytest.fixture
def run(tmp_path: Path, recorded: Path) -> Run:
    """See Run; `recorded` where no file is named."""

    def started(
        candidate: PolicyBuild,
        records: Path = recorded,
        *,
        base: PolicyBuild | None = None,
        workers: int = 1,
        since: float | None = None,
        until: float | None = None,
        sample: float = 1.0,
    ) -> Figures:
        comparison = Comparison(candidate, base, since=since, until=until, sample=sample)
        trace = open_trace(records, since, until)
        return replay(comparison, trace, resume=tmp_path / "resume", workers=workers)

    return started


def _copy(shipped: PolicyBuild, root: Path) -> Path:
    copy = root / "policies"
    shutil.copytree(REPOSITORY / "policies", copy)
    (copy / "catalog.yaml").write_text(yaml.safe_dump({"models": dict(shipped.catalog)}))
    return copy


def edit(file: Path, old: str, new: str) -> None:
    """Replace the one occurrence of a text."""
    text = file.read_text()
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new))
