"""The policy directory to what the engines load: a bundle, and a Wasm module with its data."""

from __future__ import annotations

import json
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.compiler.prices import catalog_prices
from extauth.content.privacy import Terms
from extauth.errors import ConfigurationError
from extauth.policy.engine import LISTING
from extauth.rego.fault import OpaRefused
from extauth.rego.opa import Opa, sources
from extauth.rego.source import require_files
from extauth.snapshot.bundle import pack, unpack
from extauth.storage.resources import policies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.rego.fault import OpaFault
    from extauth.settings import Settings

ENTRYPOINTS = ("gateway/admission/decision", "gateway/inference/decision")
"""The decisions that a policy directory has to have."""

_LISTING = Path("gateway/listing/listing.rego")
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
    require_files(directory)
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        work = Path(temporary)
        catalog = work / "catalog.json"
        catalog.write_text(json.dumps({"catalog": {"models": models}}))
        built = _with_listing(directory, given, work / "policies")
        inputs = [*given, str(catalog)]
        revision = _revision(built, given, catalog)
        try:
            for name, entrypoints in (("bundle", ()), ("wasm", (*ENTRYPOINTS, LISTING))):
                Opa(opa).build(
                    inputs,
                    work / f"{name}.tar.gz",
                    cwd=built,
                    revision=revision,
                    entrypoints=entrypoints,
                )
        except OpaRefused as error:
            if error.faults[0].file is None:
                raise ConfigurationError(
                    f"can't be built: {error.message}", file=directory
                ) from None
            raise OpaRefused([_placed(fault, built, directory) for fault in error.faults]) from None
        bundle = unpack((work / "bundle.tar.gz").read_bytes())
        wasm = unpack((work / "wasm.tar.gz").read_bytes())
    Terms.of_data(wasm["data.json"])
    return {
        "policy/bundle.tar.gz": pack(bundle),
        "policy/policy.wasm": wasm["policy.wasm"],
        "policy/data.json": wasm["data.json"],
    }


def catalog_of(settings: Settings) -> dict[str, object]:
    """Return `data.catalog.models`: the models as policies know them."""
    return {
        model.name: {
            "task": model.task,
            "backend": model.backend,
            "backend_kind": settings.backends[model.backend].kind,
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


def _with_listing(directory: Path, given: list[str], copy: Path) -> Path:
    """Return a directory of the same policies that can list models, a copy if need be.

    The list follows from the policies' own admission: the shipped one fits any of them.
    """
    if (directory / _LISTING).exists() or "gateway" not in given:
        return directory
    for source in given:
        shutil.copytree(directory / source, copy / source)
    (copy / _LISTING).parent.mkdir(exist_ok=True)
    shutil.copyfile(policies() / _LISTING, copy / _LISTING)
    return copy


def _placed(fault: OpaFault, built: Path, directory: Path) -> OpaFault:
    """Return the fault of a copy at its place in the policies."""
    if fault.file is None or not fault.file.is_relative_to(built):
        return fault
    return replace(fault, file=directory / fault.file.relative_to(built))


def _revision(directory: Path, given: list[str], catalog: Path) -> str:
    digest = sha256(catalog.read_bytes())
    for source in given:
        for file in sorted((directory / source).rglob("*")):
            if file.is_file() and not file.name.endswith("_test.rego"):
                digest.update(f"\0{file.relative_to(directory)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:REVISION_LENGTH]
