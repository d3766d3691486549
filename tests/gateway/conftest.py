"""The same answers from every kind of model server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.served import altered
from tests.gateway.servers import OpenAIServer, TritonServer

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot
    from tests.gateway.served import Loaded, Served
    from tests.gateway.servers import Server


@pytest.fixture(scope="session")
def openai_snapshot(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The demo with all of its models on a server of the OpenAI API."""
    return altered(
        snapshot,
        tmp_path_factory.mktemp("openai") / "snapshot",
        {"backends": {"triton": {"kind": "openai", "url": "http://127.0.0.1:1"}}},
        {
            "catalog": {
                "models": {name: {"backend_kind": "openai"} for name in snapshot.settings.models}
            }
        },
    )


@pytest.fixture(params=[TritonServer(), OpenAIServer()], ids=["triton", "openai"])
async def server(
    request: pytest.FixtureRequest, served: Served, loaded: Loaded, openai_snapshot: Snapshot
) -> Server:
    """The server behind the gateway's models: a test with it runs on each kind."""
    server: Server = request.param
    if server.kind == "openai":
        served.runtime = await loaded.open(openai_snapshot, served.ring)
    return server
