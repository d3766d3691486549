"""Compiling an operator's configuration for one state directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extauth.compiler import Overrides, compile_snapshot
from extauth.snapshot.signing import Signer, Verifier
from extauth.stack.record import SigningRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

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
            triton_metrics_port=ports["triton_metrics"],
        ),
        pulled=pulled or (last.resolve() if last.is_dir() else None),
    )


def signing_of(source: Source) -> SigningRecord | None:
    """What signs the snapshots of this configuration, if anything does.

    A gateway that only verifies what it pulls signs nothing.
    """
    algorithm = source.settings.policy.signing
    if algorithm is None or source.keys is None or source.keys.private is None:
        return None
    return SigningRecord(algorithm, str(source.keys.private), str(source.keys.public))


def signer_of(signing: SigningRecord | None, opa: Engine) -> Signer | None:
    """What signs snapshots when they are activated."""
    return Signer(opa.path, Path(signing.key), signing.algorithm) if signing else None


def verifier_of(signing: SigningRecord | None, opa: Engine) -> Verifier | None:
    """What verifies snapshots before they are served: those that this gateway signs itself."""
    return Verifier(opa.path, Path(signing.public_key), signing.algorithm) if signing else None
