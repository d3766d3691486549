"""The same answers from every kind of model server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.served import altered

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot
    from tests.gateway.served import Loaded, Served
    from tests.gateway.servers import Server


@pytest.fixture
def server(models: Server) -> Server:
    """The server behind the gateway's models: a test with it runs on each kind."""
    return models


@pytest.fixture
async def at_once(served: Served, loaded: Loaded, at_once_snapshot: Snapshot) -> None:
    """Serve the demo with a `chat` that is not decoupled, so that it takes tensors."""
    served.runtime = await loaded.open(at_once_snapshot, served.ring)


@pytest.fixture(scope="session")
def at_once_snapshot(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The demo with a `chat` that does not stream and has no seed."""
    root = tmp_path_factory.mktemp("at_once") / "snapshot"
    return altered(snapshot, root, {"models": {"chat": {"parameters": ["n", "stop"]}}}, {})
