"""The policy directory to what the engines load: a bundle, and a Wasm module with its data."""

from __future__ import annotations

import json
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.compiler.prices import catalog_prices
from extauth.content.privacy import Terms
from extauth.errors import ConfigurationError
from extauth.rego.fault import OpaRefused
from extauth.rego.opa import Opa, sources
from extauth.snapshot.bundle import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.settings import Settings

ENTRYPOINTS = ("gateway/admission/decision", "gateway/inference/decision")
REVISION_LENGTH = 32


def compile_policies(directory: Path, models: Mapping[str, object], opa: Path) -> dict[str, bytes]:
    """`policy/bundle.tar.gz`, `policy/policy.wasm` and `policy/data.json` for a snapshot.

    `models` is what policies know of the models: `catalog_of`. The bundle's revision is the
    digest of the policies and their data; equal policies give equal bytes. Tests and decision
    cases are left out. Raises ConfigurationError with file and line.
    """
    given = sources(directory)
    if not given:
        raise ConfigurationError(
            "holds no policies; expected the directories gateway/ and data/", file=directory
        )
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        work = Path(temporary)
        catalog = work / "catalog.json"
        catalog.write_text(json.dumps({"catalog": {"models": models}}))
        inputs = [*given, str(catalog)]
        revision = _revision(directory, given, catalog)
        command = Opa(opa)
        try:
            for name, entrypoints in (("bundle", ()), ("wasm", ENTRYPOINTS)):
                output = work / f"{name}.tar.gz"
                command.build(
                    inputs, output, cwd=directory, revision=revision, entrypoints=entrypoints
                )
        except OpaRefused as error:
            if error.faults[0].file is None:
                raise ConfigurationError(
                    f"can't be built: {error.message}", file=directory
                ) from None
            raise
        bundle = unpack((work / "bundle.tar.gz").read_bytes())
        wasm = unpack((work / "wasm.tar.gz").read_bytes())
    Terms.of_data(wasm["data.json"])
    return {
        "policy/bundle.tar.gz": pack(bundle),
        "policy/policy.wasm": wasm["policy.wasm"],
        "policy/data.json": wasm["data.json"],
    }


def catalog_of(settings: Settings) -> dict[str, object]:
    """What policies know of the models, as `data.catalog.models`."""
    return {
        model.name: {
            "task": model.task,
            "backend": model.backend,
            "cluster": settings.backends[model.backend].cluster,
            "region": model.region,
            "versions": list(model.versions),
            "aliases": model.aliases,
            "default": model.default,
            "context_length": model.context_length,
            **catalog_prices(model),
        }
        for model in settings.models.values()
    }


def _revision(directory: Path, given: list[str], catalog: Path) -> str:
    digest = sha256(catalog.read_bytes())
    for source in given:
        for file in sorted((directory / source).rglob("*")):
            if file.is_file() and not file.name.endswith("_test.rego"):
                digest.update(f"\0{file.relative_to(directory)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:REVISION_LENGTH]
