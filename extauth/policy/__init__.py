"""Policy decisions on requests, by one of two engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.policy.engine import LISTING, Entrypoint, PolicyEngine, checked_route
from extauth.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot

__all__ = [
    "LISTING",
    "Entrypoint",
    "PolicyEngine",
    "WasmEngine",
    "checked_route",
    "open_engine",
]


def open_engine(snapshot: Snapshot, url: str | None) -> PolicyEngine:
    """Open the engine that the snapshot's settings choose; `url` is the stack's own OPA server.

    Reads and compiles files: call it off the event loop. Raises ConfigurationError.
    """
    if snapshot.settings.policy.engine == "wasm":
        return WasmEngine.open(snapshot)
    # It brings a second HTTP library, which only those who ask a server should wait for.
    from extauth.policy.opa_server import OpaServerEngine  # noqa: PLC0415

    return OpaServerEngine.open(snapshot, url)
