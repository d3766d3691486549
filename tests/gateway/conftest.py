"""The same answers from every kind of model server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.servers import OpenAIServer, TritonServer

if TYPE_CHECKING:
    from tests.gateway.pipeline import Pipeline
    from tests.gateway.servers import Server


@pytest.fixture(params=[TritonServer, OpenAIServer], ids=["triton", "openai"])
def server(request: pytest.FixtureRequest, pipeline: Pipeline) -> Server:
    """The server behind the pipeline's models: a test with it runs on each kind."""
    made: Server = request.param()
    pipeline.backend = made.backend
    return made
