"""What a decision costs, by engine; the budget of both decisions of a request is 0.2 ms."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.policy import Entrypoint, WasmEngine
from extauth.policy.opa_server import OpaServerEngine
from tests.policy.conftest import POLICIES, TIMEOUT, Bundle, build, serve
from tests.policy.facts import ADA, CHAT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from extauth.policy import PolicyEngine
    from extauth.types import Facts

ADMITTED = msgspec.structs.replace(CHAT, parameters=None, tokens=None, sensitive=None, usage=None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The demo's policies."""
    return build(tmp_path_factory.mktemp("bundle"), POLICIES / "gateway", POLICIES / "data")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One event loop, for the connections live as long as it does."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module", params=["wasm", "opa"])
def engine(
    request: pytest.FixtureRequest, bundle: Bundle, loop: asyncio.AbstractEventLoop
) -> Iterator[PolicyEngine]:
    """Either engine."""
    if request.param == "wasm":
        wasm = WasmEngine(bundle.directory, TIMEOUT)
        yield wasm
        loop.run_until_complete(wasm.close())
        return
    with serve(bundle.archive) as (url, _):
        server = OpaServerEngine(url, TIMEOUT, bundle.revision)
        yield server
        loop.run_until_complete(server.close())


@pytest.mark.parametrize(
    ("entrypoint", "facts"),
    [(Entrypoint.ADMISSION, ADMITTED), (Entrypoint.INFERENCE, CHAT)],
    ids=["admission", "inference"],
)
def test_decision(
    benchmark: BenchmarkFixture,
    engine: PolicyEngine,
    loop: asyncio.AbstractEventLoop,
    entrypoint: Entrypoint,
    facts: Facts,
) -> None:
    """100 decisions a round, none seen before, so that the loop's own start hardly counts."""
    numbers = count()

    async def decide() -> None:
        for _ in range(100):
            principal = msgspec.structs.replace(ADA, id=f"acme/{next(numbers)}")
            asked = msgspec.structs.replace(facts, principal=principal)
            assert (await engine.decide(entrypoint, asked)).allow

    benchmark.extra_info["decisions"] = 100
    benchmark(lambda: loop.run_until_complete(decide()))


def test_remembered_admission(
    benchmark: BenchmarkFixture, bundle: Bundle, loop: asyncio.AbstractEventLoop
) -> None:
    """100 decisions on the same facts: what a busy principal costs within a minute."""
    engine = WasmEngine(bundle.directory, TIMEOUT)

    async def decide() -> None:
        for _ in range(100):
            assert (await engine.decide(Entrypoint.ADMISSION, ADMITTED)).allow

    benchmark.extra_info["decisions"] = 100
    benchmark(lambda: loop.run_until_complete(decide()))
    loop.run_until_complete(engine.close())
