"""The two gRPC services that Envoy's filters call, each on a unix socket of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from extauth.wire import ext_proc
from extauth.wire.ext_authz import Authorization
from extauth.wire.ext_proc import ExternalProcessor
from extauth.wire.http2 import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.gateway.gateway import Gateway

_OVERHEAD = 1 << 20


class WireServer:
    """Serves both filters. `start` binds; `stop` lets streams end for a grace period."""

    def __init__(
        self, gateway: Gateway, *, processor: Path, authorization: Path, largest_body: int
    ) -> None:
        """The paths are short enough for unix sockets; `largest_body` is in bytes."""
        self._gateway = gateway
        self._streams = Listener(
            processor,
            {ext_proc.PROCESS: ExternalProcessor(gateway).process},
            largest_message=largest_body + _OVERHEAD,
        )
        self._checks = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._checks.add_generic_rpc_handlers((Authorization(gateway).handler(),))
        self._checks.add_insecure_port(f"unix:{authorization}")

    async def start(self) -> None:
        """Accept calls. Raises StackError when a socket can't be had."""
        await self._checks.start()
        await self._streams.start()

    async def stop(self, grace: float) -> None:
        """Refuse new calls, wait `grace` seconds for the others, settle those that are cut."""
        await asyncio.gather(self._checks.stop(grace), self._streams.stop(grace))
        await self._gateway.close()
