"""Builds of the policies and of the whole configuration, as the engines load them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.assurance.checks.place import findings
from extauth.assurance.findings import Check, Diagnostic, Severity
from extauth.compiler import Overrides, compile_snapshot
from extauth.errors import ConfigurationError
from extauth.policy import WasmEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.compiler.repository import Repository

GATEWAY, GATEWAY_TITLE = "gateway", "Envoy and Triton configuration"


def build(opa: Path, repository: Repository) -> tuple[Mapping[str, bytes] | None, Check, bool]:
    """Compile; return the compiled policies or None, the check, and whether Wasm can load them.

    Builtins that Wasm lacks are an error unless the configuration chooses the OPA server.
    """
    name, title = "build", "Wasm build"
    try:
        built = repository.build(opa)
    except ConfigurationError as error:
        return None, Check(name, title, findings=findings(error)), False
    try:
        _load(built)
    except ConfigurationError as error:
        configuration = repository.configuration
        if configuration is not None and configuration.settings.policy.engine == "opa":
            return built, Check(name, title, skipped=_words(error)), False
        return built, Check(name, title, findings=findings(error)), False
    return built, Check(name, title), True


def check_gateway(opa: Path, envoy: Path | None, repository: Repository) -> Check:
    """Check that Envoy accepts its resources, and that Triton's configuration can be made."""
    if repository.config is None:
        return Check(GATEWAY, GATEWAY_TITLE, skipped="there is no gateway.yaml")
    with tempfile.TemporaryDirectory(prefix="sluice-") as out:
        try:
            compile_snapshot(
                repository.config, Path(out), opa=opa, envoy=envoy, overrides=Overrides()
            )
        except ConfigurationError as error:
            return Check(GATEWAY, GATEWAY_TITLE, findings=findings(error))
    if envoy is None:
        told = Diagnostic("Envoy is not installed, so it has not validated its part", Severity.NOTE)
        return Check(GATEWAY, GATEWAY_TITLE, findings=(told,))
    return Check(GATEWAY, GATEWAY_TITLE)


def _load(built: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        directory = Path(temporary)
        for name in ("policy.wasm", "data.json"):
            (directory / name).write_bytes(built[f"policy/{name}"])
        try:
            engine = WasmEngine(directory, 1.0)
        except ConfigurationError as error:
            # The module is ours, and gone when somebody reads this.
            raise ConfigurationError(_words(error)) from None
        asyncio.run(engine.close())


def _words(error: ConfigurationError) -> str:
    return error.message if error.file is None else error.message.partition(": ")[2]
