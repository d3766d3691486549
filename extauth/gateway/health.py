"""The health of the model servers that a policy shows to a caller.

The server's own operations of KServe's v2 protocol are about the gateway and what is behind it:
it is live when it answers, and ready when every model server is that has a model which the caller
may see. Others are not asked, and not told of.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from extauth.errors import BackendUnavailable, Unreachable
from extauth.gateway.step import Answer
from extauth.network.client import HttpClient
from extauth.network.sockets import backends_socket
from extauth.types import Api, Operation, RequestFacts
from extauth.types.headers import METADATA_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from extauth.gateway.admission import Admitted
    from extauth.gateway.transaction import Transaction
    from extauth.settings import BackendSettings

TIMEOUT = 2.0
"""Seconds after which a model server that does not answer is not ready."""

SERVER = frozenset({Operation.SERVER_LIVE, Operation.SERVER_READY, Operation.SERVER_METADATA})
"""Operations that are about no model."""

_READY: Final = {"triton": "http://inside/v2/health/ready"}
"""The question of readiness by kind of model server; other kinds can't be asked."""

_EXTENSIONS: Final = ("binary_tensor_data",)
"""The extensions of KServe's v2 protocol that requests may use through the gateway."""

_JSON: Final = (("content-type", "application/json"),)

_SHOWN: Final = RequestFacts(api=Api.OPENAI, operation=Operation.MODELS_RETRIEVE)
"""The question of the model list, which says what a caller may see."""


class Health:
    """Asks model servers whether they are ready, through Envoy. Belongs to one event loop."""

    def __init__(self, socket: Path | None = None) -> None:
        """`socket` is Envoy's own, unless another one is given."""
        self._client = HttpClient(timeout=TIMEOUT, largest=0, socket=socket or backends_socket())

    async def answer(self, transaction: Transaction, admitted: Admitted) -> Answer:
        """Answer one of `SERVER`. Raises BackendUnavailable where the answer is no."""
        operation = admitted.target.operation
        if operation is Operation.SERVER_METADATA:
            about = {"name": "sluice", "version": version("sluicegate"), "extensions": _EXTENSIONS}
            return Answer(_JSON, msgspec.json.encode(about))
        if operation is Operation.SERVER_READY:
            facts = replace(admitted.facts, request=_SHOWN)
            names = await transaction.decisions.list_models(facts)
            settings = transaction.runtime.snapshot.settings
            shown = {settings.models[name.partition("@")[0]].backend for name in names}
            await self._check(settings.backends[name] for name in shown)
        return Answer(_JSON, b"")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _check(self, backends: Iterable[BackendSettings]) -> None:
        """Raises BackendUnavailable unless all are ready. Which one is not stays here."""
        if not all(await asyncio.gather(*map(self._ready, backends))):
            raise BackendUnavailable("Not every model server is ready.", retry_after=1)

    async def _ready(self, backend: BackendSettings) -> bool:
        url = _READY.get(backend.kind)
        if url is None:
            return True
        try:
            answer = await self._client.request(
                "GET", url, headers={METADATA_CLUSTER: backend.cluster}
            )
        except Unreachable:
            return False
        return answer.status == 200
