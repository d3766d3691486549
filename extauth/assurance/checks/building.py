"""The policies as engines load them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.assurance.checks.place import findings
from extauth.assurance.findings import Check
from extauth.errors import ConfigurationError
from extauth.policy import WasmEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.compiler.repository import Repository


def build(opa: Path, repository: Repository) -> tuple[Mapping[str, bytes] | None, Check, bool]:
    """The compiled policies, None when they can't be; the check; whether Wasm can load them.

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
        source = repository.source
        if source is not None and source.settings.policy.engine == "opa":
            return built, Check(name, title, skipped=_words(error)), False
        return built, Check(name, title, findings=findings(error)), False
    return built, Check(name, title), True


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
