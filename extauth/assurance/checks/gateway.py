"""The gateway's whole configuration, as Envoy and Triton would take it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.assurance.checks.place import findings
from extauth.assurance.findings import Check, Finding, Level
from extauth.compiler import Overrides, compile_snapshot
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from extauth.compiler.repository import Repository

NAME, TITLE = "gateway", "Envoy and Triton configuration"


def check_gateway(opa: Path, envoy: Path | None, repository: Repository) -> Check:
    """That Envoy validates its resources, and Triton's configuration can be made."""
    if repository.config is None:
        return Check(NAME, TITLE, skipped="there is no gateway.yaml")
    with tempfile.TemporaryDirectory(prefix="sluice-") as out:
        try:
            compile_snapshot(
                repository.config, Path(out), opa=opa, envoy=envoy, overrides=Overrides()
            )
        except ConfigurationError as error:
            return Check(NAME, TITLE, findings=findings(error))
    if envoy is None:
        told = Finding("Envoy is not installed, so it has not validated its part", Level.NOTE)
        return Check(NAME, TITLE, findings=(told,))
    return Check(NAME, TITLE)
