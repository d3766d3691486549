"""The service's own way to model servers, through a real Envoy."""

from __future__ import annotations

import http.client
import socket
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    HeadersResponse,
    ProcessingRequest,
    ProcessingResponse,
)

from extauth.gateway.step import Answer
from extauth.network.sockets import backends_socket
from extauth.types.headers import METADATA_CLUSTER
from extauth.wire import reply
from tests.compiler.script import CHAT, deny

if TYPE_CHECKING:
    from tests.compiler.edge import Edge

pytestmark = pytest.mark.slow

READY = "/v2/health/ready"


class Inside(http.client.HTTPConnection):
    """A connection to Envoy's own socket."""

    def __init__(self, edge: Edge) -> None:
        super().__init__("inside", timeout=20)
        self._path = str(edge.state / backends_socket())

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self._path)


def ask(edge: Edge, path: str, method: str = "GET", cluster: str | None = "triton") -> int:
    """The status of what the service asks."""
    connection = Inside(edge)
    try:
        connection.request(method, path, headers={METADATA_CLUSTER: cluster} if cluster else {})
        return connection.getresponse().status
    finally:
        connection.close()


def test_health_is_passed_on_without_our_header(edge: Edge) -> None:
    assert ask(edge, READY) == 200
    (asked,) = edge.script.served
    assert (asked.method, asked.path) == ("GET", READY)
    assert METADATA_CLUSTER not in asked.headers


@pytest.mark.parametrize(
    ("path", "method", "cluster"),
    [
        ("/v2/models/chat/versions/1/generate", "GET", "triton"),
        ("/v2/repository/index", "GET", "triton"),
        (READY, "POST", "triton"),
        (READY, "GET", None),
        (READY, "GET", "nonesuch"),
    ],
)
def test_nothing_else_is(edge: Edge, path: str, method: str, cluster: str | None) -> None:
    assert ask(edge, path, method, cluster) >= 400
    assert edge.script.served == []


def test_the_socket_is_its_owners_alone(edge: Edge) -> None:
    mode = (edge.state / backends_socket()).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(("path", "body"), [(READY, ""), ("/v2", '{"name":"sluice"}')])
def test_an_answer_of_the_services_own_reaches_the_client(edge: Edge, path: str, body: str) -> None:
    """Envoy calls it denied, whatever its status."""
    edge.script.check = deny(200, body)
    got = edge.request("GET", path)
    assert (got.status, got.body.decode()) == (200, body)
    # Envoy says nothing of the kind of an empty body.
    assert got.headers.get("content-type") == ("application/json" if body else None)
    assert edge.script.served == []


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream; charset=utf-8"])
def test_an_answer_in_the_backends_place_reaches_the_client_whole(edge: Edge, kind: str) -> None:
    body = b"data: {}\n\n" * 50_000
    headers = (("content-type", kind), ("x-ratelimit-limit-requests", "9"))
    answer = ProcessingResponse.FromString(reply.to_body(Answer(headers, body)))

    def process(messages: Iterator[ProcessingRequest]) -> Iterator[ProcessingResponse]:
        next(messages)
        yield ProcessingResponse(request_headers=HeadersResponse())
        next(messages)
        yield answer

    edge.script.process = process
    got = edge.request("POST", CHAT, b"{}", {"content-type": "application/json"})
    assert (got.status, got.body) == (200, body)
    assert got.headers["content-type"] == kind
    assert got.headers["content-length"] == str(len(body))
    assert got.headers["x-ratelimit-limit-requests"] == "9"
    assert edge.script.served == []
