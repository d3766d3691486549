"""The engine that asks an OPA server, for policies that need builtins Wasm lacks."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
from opa_client import AsyncOpaClient

from extauth.errors import ConfigurationError, PolicyError, PolicyUnavailable
from extauth.policy.engine import ANSWERS, LISTING, UNPROVED, Listing, malformed, undefined

if TYPE_CHECKING:
    from extauth.obligations import Decision
    from extauth.policy.engine import Entrypoint
    from extauth.snapshot import Snapshot
    from extauth.types import Facts, ListingFacts

T = TypeVar("T")

logger = logging.getLogger(__name__)

# A builtin that fails makes a rule undefined, which a `not` would take for a yes.
_QUERY = {"strict-builtin-errors": True, "provenance": True}
_SERVER_ERROR = 500


class OpaServerEngine:
    """Engine that asks an OPA server by its Data API, over TCP.

    Belongs to one event loop, whose tasks may share it.

    With a `revision`, a decision counts only when it comes from the bundle of that revision: a
    server that has moved on to the next snapshot can't decide for this one. `name` is `opa`, or
    `opa-external` where the server is somebody else's.
    """

    def __init__(self, url: str, timeout: float, revision: str | None, name: str = "opa") -> None:
        """Prepare to ask the server at `url`, which may take `timeout` seconds a decision.

        Connects on the first decision. Raises ConfigurationError when `url` is not an HTTP one.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"policy.url: expected http://host:port, got {url}")
        secure = parts.scheme == "https"
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._client = AsyncOpaClient(
            host=host,
            port=parts.port or (443 if secure else 80),
            ssl=secure,
            timeout=timeout,
            retries=0,
        )
        self._open = False
        self._revision = revision
        self.name = name

    @classmethod
    def open(cls, snapshot: Snapshot, url: str | None) -> OpaServerEngine:
        """Open the engine of a snapshot: its configured server, or the stack's own at `url`.

        A server run by somebody else has bundles of its own, so their revision is not checked, and
        the log says so.
        """
        timeout, external = snapshot.settings.policy.timeout, snapshot.settings.policy.external
        if external is not None:
            logger.warning("%s", UNPROVED.format(external))
            return cls(external, timeout, None, "opa-external")
        if url is None:
            raise ConfigurationError("policy.engine is opa, and there is no OPA server")
        return cls(url, timeout, snapshot.revision)

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """See PolicyEngine. The path asked for never depends on the facts."""
        return (await self._ask(entrypoint, facts, ANSWERS[entrypoint])).decision()

    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        """See PolicyEngine."""
        return (await self._ask(LISTING, facts, Listing)).models

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close_connection()

    async def _ask(self, entrypoint: str, facts: Facts, kind: type[T]) -> T:
        if not self._open:
            self._open = True
            await self._client.__aenter__()
        try:
            answer: dict[str, Any] = await self._client.query_rule(
                msgspec.to_builtins(facts), entrypoint, query_params=_QUERY
            )
        except aiohttp.ClientResponseError as error:
            if error.status == _SERVER_ERROR:
                raise PolicyError(f"the decision {entrypoint} failed in the OPA server") from None
            raise PolicyUnavailable(
                f"the OPA server answered {error.status}", retry_after=1
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError, json.JSONDecodeError) as error:
            raise PolicyUnavailable(
                f"the OPA server did not answer: {type(error).__name__}", retry_after=1
            ) from None
        self._check_revision(answer)
        if "result" not in answer:
            raise undefined(entrypoint)
        try:
            return msgspec.convert(answer["result"], kind)
        except msgspec.MsgspecError as error:
            raise malformed(entrypoint, error) from None

    def _check_revision(self, answer: dict[str, Any]) -> None:
        if self._revision is None:
            return
        bundles = answer.get("provenance", {}).get("bundles", {}).values()
        if all(bundle.get("revision") != self._revision for bundle in bundles):
            raise PolicyUnavailable("the OPA server has another snapshot", retry_after=1)
