"""How long it takes to know whether the tests would notice a mistake: the demo's policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.mutation import mutate
from extauth.compiler.repository import Repository
from tests.policy.conftest import opa_path

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

POLICIES = Path(__file__).parents[1] / "policies"


def test_campaign(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """Once: it takes seconds, and all cores."""
    repository, opa = Repository.find(POLICIES), opa_path()
    totals: set[int] = set()
    report = benchmark.pedantic(
        lambda: mutate(repository, opa, lambda _, total: totals.add(total)), rounds=1
    )
    assert not report.failed
    (mutants,) = totals
    benchmark.extra_info["mutants"] = mutants
    seconds = benchmark.stats.stats.mean
    benchmark.extra_info["mutants_per_second"] = round(mutants / seconds, 1)
    with capsys.disabled():
        print(f"\nmutation: {mutants} mutants in {seconds:.1f} s")
