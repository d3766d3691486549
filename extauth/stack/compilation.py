"""Compiling an operator's configuration for one state directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.compiler import Overrides, compile_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.compiler import Source
    from extauth.snapshot import Snapshot
    from extauth.stack.engines import Engine
    from extauth.stack.wish import Wish


def compile_for(
    wish: Wish, ports: Mapping[str, int], *, envoy: Engine, opa: Engine
) -> tuple[Snapshot, Source]:
    """Compile the wish's configuration into its state directory, without activating it.

    Raises ConfigurationError with file and line.
    """
    return compile_snapshot(
        wish.config,
        wish.state.snapshots,
        opa=opa.path,
        envoy=envoy.path,
        overrides=Overrides(
            listener_port=wish.port,
            admin_port=wish.admin_port,
            triton_http_port=ports["triton_http"],
        ),
    )
