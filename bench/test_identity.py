"""What it costs a request to know who calls: a key that the process has looked up before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extauth.identity import KeyRing, SqliteKeys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

NOW = 1_790_000_000.0
MOST = 5e-6
"""Seconds that a check may take, by the median."""


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def test_a_key_that_is_known(
    benchmark: BenchmarkFixture, runner: asyncio.Runner, tmp_path: Path
) -> None:
    store = SqliteKeys(tmp_path / "identity.db")
    _, key = store.create(name="ada", tenant="acme", tier="free", now=NOW)
    ring = KeyRing(store)
    runner.run(ring.start())
    runner.run(ring.authenticate(key, NOW))
    # The loop stands still while it is measured, and with it what confirms what is known.
    ring._fresh_until = float("inf")

    def check() -> None:
        try:
            ring.authenticate(key, NOW).send(None)
        except StopIteration:
            return

    benchmark(check)
    runner.run(ring.close())
    store.close()

    assert benchmark.stats.stats.median < MOST
