"""How many recorded decisions a second a replay gets through, whole: processes and all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.replay.build import PolicyBuild, from_directory
from extauth.assurance.replay.replay import Comparison, replay
from extauth.assurance.replay.trace import open_trace
from extauth.policy import WasmEngine
from extauth.stack.engines.opa import find_opa
from tests.assurance.replay.trace import line, records

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

REPOSITORY = Path(__file__).parents[1]
COUNT = 50_000


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> PolicyBuild:
    """The demo's policies."""
    return from_directory(REPOSITORY, tmp_path_factory.mktemp("candidate"), find_opa().path)


@pytest.fixture(scope="module")
def trace(candidate: PolicyBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of varied requests, 0.6 s apart: a million of them are a week."""
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    engine = WasmEngine(candidate.files.directory, 5.0)
    with path.open("wb") as file:
        for record in records(engine, COUNT, every=0.6):
            file.write(line(record))
    return path


def test_replay(
    benchmark: BenchmarkFixture,
    candidate: PolicyBuild,
    trace: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One replay of fifty thousand records, on all cores."""
    figures = benchmark.pedantic(
        lambda: replay(Comparison(candidate), open_trace(trace), resume=tmp_path / "resume"),
        rounds=1,
        iterations=1,
    )

    assert figures.compared == COUNT
    assert figures.new_denies.count == figures.new_allows.count == 0
    speed = round(figures.compared / benchmark.stats.stats.mean)
    benchmark.extra_info["decisions_per_second"] = speed
    with capsys.disabled():
        print(f"\nreplay: {speed:,} decisions/s")
