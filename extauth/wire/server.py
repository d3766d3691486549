"""The gRPC server on the unix socket that Envoy's `extauth` cluster points at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from extauth.wire.ext_authz import Authorization
from extauth.wire.ext_proc import ExternalProcessor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.inference import Inference
    from extauth.runtime import Runtime
    from extauth.transaction import Books

_OVERHEAD = 1 << 20


class WireServer:
    """Serves both filters. `start` binds; `stop` lets streams end for a grace period."""

    def __init__(
        self,
        socket: Path,
        *,
        runtime: Callable[[], Runtime],
        books: Books,
        inference: Inference,
        largest_body: int,
    ) -> None:
        """`socket` is a path short enough for a unix socket; `largest_body` is in bytes."""
        authorization = Authorization(runtime=runtime, books=books)
        processor = self._processor = ExternalProcessor(
            runtime=runtime, books=books, inference=inference
        )
        size = largest_body + _OVERHEAD
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", size),
                ("grpc.so_reuseport", 0),
            ]
        )
        self._server.add_generic_rpc_handlers((authorization.handler(), processor.handler()))
        self._server.add_insecure_port(f"unix:{socket}")

    async def start(self) -> None:
        """Accept calls."""
        await self._server.start()

    async def stop(self, grace: float) -> None:
        """Refuse new calls, wait `grace` seconds for the others, settle those that are cut."""
        await self._server.stop(grace)
        await self._processor.drain()
