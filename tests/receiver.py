"""A receiver of webhooks: a real server, which verifies with the reference implementation."""

from __future__ import annotations

import asyncio
import base64
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook as Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PATIENCE = 10.0


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> Any:
        """The event, if the reference implementation accepts the signature."""
        return Verifier(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """A server on loopback. It answers `statuses` in turn and then 204, while `open` is set."""

    statuses: list[int] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    received: Queue[Received] = field(default_factory=Queue)
    address: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.address}/hooks/T0P"

    def next(self) -> Received:
        """What came next. Blocks."""
        return self.received.get(timeout=PATIENCE)

    async def arrival(self) -> Received:
        """What came next."""
        return await asyncio.to_thread(self.next)


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """A receiver for as long as the block lasts; it answers these first."""
    receiver = Receiver(list(statuses))
    receiver.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.put(Received(self.path, headers, body))
            receiver.open.wait(PATIENCE)
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            self.send_response(status)
            if status in {301, 307}:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.shutdown()
        server.server_close()
