"""The wire on a unix socket, and Envoy's end of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from extauth.audit.store import AuditStore
from extauth.wire import WireServer
from tests.wire.envoy import AUTHORIZATION, PATIENCE, PROCESSOR, Envoy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from extauth.audit import AuditRecord
    from tests.gateway.served import Served

# With its last channel grpc.aio shuts down, and waits, for ever, for calls that a test has cut.
grpc.aio.init_grpc_aio()


@pytest.fixture
def sockets() -> Iterator[Path]:
    """Where the sockets are: a path short enough for them, which pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="wire") as directory:
        yield Path(directory)


@pytest.fixture
async def server(served: Served, sockets: Path) -> AsyncIterator[WireServer]:
    """The wire of the served."""
    server = wire(served, sockets)
    await server.start()
    yield server
    await server.stop(0)


@pytest.fixture
async def envoy(server: WireServer, sockets: Path) -> AsyncIterator[Envoy]:
    """Envoy in front of it."""
    envoy = Envoy(sockets)
    yield envoy
    await envoy.close()


@pytest.fixture
def recorded(served: Served) -> Callable[[], Awaitable[AuditRecord]]:
    """The audit record of the only request, as soon as it was written."""

    async def wait() -> AuditRecord:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            records = AuditStore(served.log).last(2)
            if records:
                (record,) = records
                return record
            await asyncio.sleep(0.01)
        raise AssertionError("nothing was recorded")

    return wait


def wire(served: Served, sockets: Path) -> WireServer:
    """A server of this gateway."""
    return WireServer(
        served.gateway,
        processor=sockets / PROCESSOR,
        authorization=sockets / AUTHORIZATION,
        largest_body=1 << 20,
    )
