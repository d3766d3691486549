"""Policy decisions on requests, by one of two engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extauth.policy.engine import LISTING, Entrypoint, PolicyEngine, checked_route
from extauth.policy.opa_server import OpaServerEngine
from extauth.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot

__all__ = [
    "LISTING",
    "Entrypoint",
    "OpaServerEngine",
    "PolicyEngine",
    "WasmEngine",
    "checked_route",
    "open_engine",
]

_ENGINES: dict[Literal["wasm", "opa"], type[WasmEngine | OpaServerEngine]] = {
    "wasm": WasmEngine,
    "opa": OpaServerEngine,
}


def open_engine(snapshot: Snapshot, url: str | None) -> PolicyEngine:
    """Open the engine that the snapshot's settings choose; `url` is the stack's own OPA server.

    Reads and compiles files: call it off the event loop. Raises ConfigurationError.
    """
    return _ENGINES[snapshot.settings.policy.engine].open(snapshot, url)
