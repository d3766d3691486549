"""Many calls at once over one connection, to a gRPC server by another library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    ProcessingRequest,
    ProcessingResponse,
)

from bench.errors import MeasurementFailed
from bench.gate.connection import STREAMS, Connection
from bench.gate.request import KINDS, METHOD, Kind, requests
from tests.bench.service import Service, refusal

PLAIN, _, STREAMING = KINDS

Handler = Callable[
    [Iterator[ProcessingRequest], grpc.ServicerContext], Iterator[ProcessingResponse]
]


class Server:
    """Serves one kind of request; how many, and how many at once."""

    def __init__(self, kind: Kind, path: Path) -> None:
        self.kind = kind
        self.path = path
        self.served = 0
        self.most = 0
        self._open = 0
        self._lock = threading.Lock()

    def process(
        self, messages: Iterator[ProcessingRequest], _: grpc.ServicerContext
    ) -> Iterator[ProcessingResponse]:
        """Serve a call."""
        with self._lock:
            self._open += 1
            self.most = max(self.most, self._open)
        yield from map(Service(self.kind), messages)
        with self._lock:
            self._open -= 1
            self.served += 1


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Handler], Path]]:
    """Serve calls by a handler; the socket."""
    servers = []

    def start(handler: Handler) -> Path:
        path = tmp_path_factory.mktemp("s") / "s"
        server = grpc.server(ThreadPoolExecutor(2 * STREAMS))
        service, method = METHOD.strip("/").split("/")
        rpc = grpc.stream_stream_rpc_method_handler(
            handler, ProcessingRequest.FromString, ProcessingResponse.SerializeToString
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: rpc}),)
        )
        server.add_insecure_port(f"unix:{path}")
        server.start()
        servers.append(server)
        return path

    yield start
    for server in servers:
        server.stop(None).wait()


@pytest.mark.parametrize("kind", [PLAIN, STREAMING], ids=lambda kind: kind.name)
def test_all_are_served_several_at_once(
    kind: Kind, serve: Callable[[Handler], Path], tmp_path: Path
) -> None:
    server = Server(kind, tmp_path)
    with Connection(serve(server.process)) as connection:
        connection.run(requests(kind, "sk-key", 50, seed=1))
        connection.run(requests(kind, "sk-key", 3, seed=2))
    assert server.served == 53
    assert 8 <= server.most <= STREAMS


def test_a_service_that_refuses_ends_the_measurement(serve: Callable[[Handler], Path]) -> None:
    def refuse(
        messages: Iterator[ProcessingRequest], _: grpc.ServicerContext
    ) -> Iterator[ProcessingResponse]:
        yield from (refusal(403, "no") for _ in messages)

    with (
        Connection(serve(refuse)) as connection,
        pytest.raises(MeasurementFailed, match="the service answers 403: no"),
    ):
        connection.run(requests(PLAIN, "sk-key", 5, seed=1))


def test_a_service_that_answers_nothing_ends_it(serve: Callable[[Handler], Path]) -> None:
    def silent(
        messages: Iterator[ProcessingRequest], _: grpc.ServicerContext
    ) -> Iterator[ProcessingResponse]:
        next(messages)
        yield from ()

    with (
        Connection(serve(silent)) as connection,
        pytest.raises(MeasurementFailed, match="a call ends early, with gRPC's status 0"),
    ):
        connection.run(requests(PLAIN, "sk-key", 5, seed=1))


def test_a_service_that_fails_ends_it(serve: Callable[[Handler], Path]) -> None:
    def fail(
        messages: Iterator[ProcessingRequest], context: grpc.ServicerContext
    ) -> Iterator[ProcessingResponse]:
        yield Service(PLAIN)(next(messages))
        context.abort(grpc.StatusCode.INTERNAL, "broken")

    with (
        Connection(serve(fail)) as connection,
        pytest.raises(MeasurementFailed, match="a call ends early, with gRPC's status 13"),
    ):
        connection.run(requests(PLAIN, "sk-key", 5, seed=1))


def test_nobody_listening_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(MeasurementFailed, match="the service does not listen"),
        Connection(tmp_path / "s"),
    ):
        pass
