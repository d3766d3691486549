"""The same answers from every kind of model server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.servers import SERVERS

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot
    from tests.gateway.served import Loaded, Served
    from tests.gateway.servers import Server


@pytest.fixture(params=SERVERS.values(), ids=SERVERS.keys())
async def server(
    request: pytest.FixtureRequest, served: Served, loaded: Loaded, openai_snapshot: Snapshot
) -> Server:
    """The server behind the gateway's models: a test with it runs on each kind."""
    server: Server = request.param
    if server.kind == "openai":
        served.runtime = await loaded.open(openai_snapshot, served.ring)
    return server
