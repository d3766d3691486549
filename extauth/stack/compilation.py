"""Compiling an operator's configuration for one state directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.compiler import Overrides, compile_snapshot
from extauth.signing import Signer, Verifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.compiler import Source
    from extauth.snapshot import Snapshot
    from extauth.stack.engines import Engine
    from extauth.stack.wish import Wish


POLICIES = "policies"
"""A link in `StateDir.pulled` to the policies that were pulled last."""


def compile_for(
    wish: Wish,
    ports: Mapping[str, int],
    *,
    envoy: Engine | None,
    opa: Engine,
    out: Path | None = None,
    pulled: Path | None = None,
) -> tuple[Snapshot, Source]:
    """Compile the wish's configuration into its state directory, without activating it.

    With `out` into that directory instead. Where the configuration pulls its policies, they are
    those in `pulled`, or those that were pulled last. Raises ConfigurationError with file and
    line.
    """
    last = wish.state.pulled / POLICIES
    return compile_snapshot(
        wish.config,
        out or wish.state.snapshots,
        opa=opa.path,
        envoy=envoy.path if envoy else None,
        overrides=Overrides(
            listener_port=wish.port,
            admin_port=wish.admin_port,
            triton_http_port=ports["triton_http"],
        ),
        pulled=pulled or (last.resolve() if last.is_dir() else None),
    )


def signer_of(source: Source, opa: Engine) -> Signer | None:
    """What signs the snapshots of this configuration, if anything does."""
    algorithm = source.settings.policy.signing
    if algorithm is None or source.keys is None or source.keys.private is None:
        return None
    return Signer(opa.path, source.keys.private, algorithm)


def verifier_of(source: Source, opa: Engine) -> Verifier | None:
    """What verifies snapshots before they are served: those that this gateway signs itself."""
    algorithm = source.settings.policy.signing
    if algorithm is None or source.keys is None or source.keys.private is None:
        return None
    return Verifier(opa.path, source.keys.public, algorithm)
