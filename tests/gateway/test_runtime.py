"""A snapshot in memory: pinned by its requests, let go of after the last."""

from __future__ import annotations

import asyncio
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from extauth.errors import ConfigurationError
from extauth.gateway.runtime import Runtime
from extauth.identity import KeyRing, SqliteKeys
from extauth.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.obligations import Decision
    from extauth.policy import Entrypoint, PolicyEngine
    from extauth.types import Facts, ListingFacts


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyRing]:
    """Nobody's keys."""
    store = SqliteKeys(tmp_path / "identity.db")
    yield KeyRing(store)
    store.close()


@pytest.fixture
async def runtime(snapshot: Snapshot, keys: KeyRing) -> Runtime:
    """The repository's own snapshot, which a test retires."""
    return await Runtime.open(snapshot, keys, opa_url=None)


class Watched:
    """The runtime's engine, and whether it was closed."""

    def __init__(self, engine: PolicyEngine) -> None:
        self.name = engine.name
        self.closed = False
        self._engine = engine

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        return await self._engine.decide(entrypoint, facts)

    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        return await self._engine.list_models(facts)

    async def close(self) -> None:
        self.closed = True
        await self._engine.close()


@pytest.fixture
def engine(runtime: Runtime) -> Watched:
    """The engine of the runtime."""
    engine = runtime.engine = Watched(runtime.engine)
    return engine


async def test_every_model_of_the_snapshot_is_loaded(runtime: Runtime, snapshot: Snapshot) -> None:
    assert runtime.models.keys() == snapshot.settings.models.keys()
    await runtime.retire()


async def test_without_requests_it_retires_at_once(runtime: Runtime, engine: Watched) -> None:
    assert not engine.closed
    await runtime.retire()
    assert engine.closed


async def test_it_retires_after_its_last_request(runtime: Runtime, engine: Watched) -> None:
    runtime.pin()
    with runtime.pinned() as pinned:
        retiring = asyncio.ensure_future(pinned.retire())
        await asyncio.sleep(0)
        runtime.unpin()
        await asyncio.sleep(0)
        assert not retiring.done()
        assert not engine.closed
    await asyncio.wait_for(retiring, 1)
    assert engine.closed


async def test_a_request_that_pins_it_while_it_retires_is_waited_for(
    runtime: Runtime, engine: Watched
) -> None:
    runtime.pin()
    retiring = asyncio.ensure_future(runtime.retire())
    await asyncio.sleep(0)
    runtime.unpin()
    runtime.pin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not retiring.done()
    assert not engine.closed
    runtime.unpin()
    await asyncio.wait_for(retiring, 1)


async def test_a_pin_ends_with_a_block_that_fails(runtime: Runtime, engine: Watched) -> None:
    with pytest.raises(LookupError), runtime.pinned():
        raise LookupError
    await asyncio.wait_for(runtime.retire(), 1)
    assert engine.closed


def clocks() -> set[threading.Thread]:
    """The threads that an open engine keeps; the loop's own are for anything."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


async def test_a_broken_tokenizer_is_named_and_leaves_nothing_open(
    snapshot: Snapshot, keys: KeyRing, tmp_path: Path
) -> None:
    root = tmp_path / "broken"
    shutil.copytree(snapshot.root, root)
    tokenizer = root / snapshot.settings.models["embed"].tokenizer
    tokenizer.write_text("{}")
    before = clocks()
    with pytest.raises(ConfigurationError) as raised:
        await Runtime.open(Snapshot.load(root), keys, opa_url=None)
    assert str(tokenizer) in raised.value.message
    assert clocks() == before
