"""The same answers from every kind of model server, and a waiting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.gateway.queue import WaitingRoom
from tests.gateway.servers import OpenAIServer, TritonServer

if TYPE_CHECKING:
    from tests.gateway.served import Served
    from tests.gateway.servers import Server


@pytest.fixture(params=[TritonServer, OpenAIServer], ids=["triton", "openai"])
def server(request: pytest.FixtureRequest, served: Served) -> Server:
    """The server behind the gateway's models: a test with it runs on each kind."""
    made: Server = request.param()
    served.backend = made.backend
    return made


@pytest.fixture
def room() -> WaitingRoom:
    """Nobody waits in it yet."""
    return WaitingRoom()
