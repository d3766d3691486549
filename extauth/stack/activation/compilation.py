"""The compilation of an operator's configuration for a state directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.compiler import Overrides, compile_snapshot
from extauth.snapshot.signing import Signer, Verifier
from extauth.stack.process.record import SigningRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.compiler import Configuration
    from extauth.snapshot import Snapshot
    from extauth.stack.engines.engine import Engine
    from extauth.storage.state import StateDir

POLICIES = "policies"
"""A link in `StateDir.pulled` to the policies that were pulled last."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """The options of `sluice up`; a port that is None is the configuration's own."""

    config: Path
    state: StateDir
    port: int | None = None
    admin_port: int | None = None


def compile_for(
    options: StackOptions,
    ports: Mapping[str, int],
    *,
    envoy: Engine | None,
    opa: Engine,
    out: Path | None = None,
    pulled: Path | None = None,
) -> tuple[Snapshot, Configuration]:
    """Compile a configuration into its state directory, or into `out`, without activating it.

    Where the configuration pulls its policies, they are those in `pulled`, or those that were
    pulled last. Raises ConfigurationError with file and line.
    """
    last = options.state.pulled / POLICIES
    return compile_snapshot(
        options.config,
        out or options.state.snapshots,
        opa=opa.path,
        envoy=envoy.path if envoy else None,
        overrides=Overrides(
            listener_port=options.port,
            admin_port=options.admin_port,
            triton_http_port=ports["triton_http"],
            triton_metrics_port=ports["triton_metrics"],
        ),
        pulled=pulled or (last.resolve() if last.is_dir() else None),
    )


def signing_of(configuration: Configuration) -> SigningRecord | None:
    """Return the keys that sign the snapshots of this configuration.

    None where nothing signs: a gateway that only verifies the bundles that it pulls, say.
    """
    algorithm = configuration.settings.policy.signing
    if algorithm is None or configuration.keys is None or configuration.keys.private is None:
        return None
    return SigningRecord(algorithm, str(configuration.keys.private), str(configuration.keys.public))


def signer_of(signing: SigningRecord | None, opa: Engine) -> Signer | None:
    """Return the signer of snapshots that are activated."""
    return Signer(opa.path, Path(signing.key), signing.algorithm) if signing else None


def verifier_of(signing: SigningRecord | None, opa: Engine) -> Verifier | None:
    """Return the verifier of snapshots that are served: of those that this gateway signs itself."""
    return Verifier(opa.path, Path(signing.public_key), signing.algorithm) if signing else None
