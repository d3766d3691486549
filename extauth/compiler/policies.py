"""The policy directory to what the engines load: a bundle, and a Wasm module with its data."""

from __future__ import annotations

import json
import re
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.compiler.prices import catalog_prices
from extauth.content.privacy import Terms
from extauth.errors import ConfigurationError
from extauth.rego.process import SECONDS, run
from extauth.snapshot.bundle import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.settings import Settings

ENTRYPOINTS = ("gateway/admission/decision", "gateway/inference/decision")
REVISION_LENGTH = 32

_PLACE = re.compile(
    r"(?P<file>(?:gateway|data)/[^:]+\.(?:rego|ya?ml|json)):(?:(?P<line>\d+):)? (?P<text>.*)"
)
_YAML_LINE = re.compile(r"yaml: line (\d+)")


def compile_policies(directory: Path, models: Mapping[str, object], opa: Path) -> dict[str, bytes]:
    """`policy/bundle.tar.gz`, `policy/policy.wasm` and `policy/data.json` for a snapshot.

    `models` is what policies know of the models: `catalog_of`. The bundle's revision is the
    digest of the policies and their data; equal policies give equal bytes. Tests and decision
    cases are left out. Raises ConfigurationError with file and line.
    """
    sources = [name for name in ("gateway", "data") if (directory / name).is_dir()]
    if not sources:
        raise ConfigurationError(
            "holds no policies; expected the directories gateway/ and data/", file=directory
        )
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        work = Path(temporary)
        catalog = work / "catalog.json"
        catalog.write_text(json.dumps({"catalog": {"models": models}}))
        inputs = [*sources, str(catalog)]
        revision = _revision(directory, sources, catalog)
        common = ["build", "--ignore", "*_test.rego", "--revision", revision]
        _run(opa, directory, *common, "--output", str(work / "bundle.tar.gz"), *inputs)
        entries = [flag for entry in ENTRYPOINTS for flag in ("--entrypoint", entry)]
        _run(
            opa, directory, *common, "--target", "wasm", *entries,
            "--output", str(work / "wasm.tar.gz"), *inputs,
        )  # fmt: skip
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


def _run(opa: Path, directory: Path, *arguments: str) -> None:
    """Run OPA in the policy directory: a bundle remembers the paths that it was built from."""
    done = run(opa, *arguments, cwd=directory)
    if done.late:
        raise ConfigurationError(f"opa build took more than {SECONDS:g} s")
    if done.status == 0:
        return
    output = done.err + done.out
    faults = [_fault(directory, found) for found in _PLACE.finditer(output)]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ConfigurationError("\n".join(fault.message for fault in faults))
    words = " ".join(output.removeprefix("error: ").split())
    raise ConfigurationError(f"can't be built: {words[:500]}", file=directory)


def _fault(directory: Path, found: re.Match[str]) -> ConfigurationError:
    line = found["line"] or ((of_yaml := _YAML_LINE.search(found["text"])) and of_yaml[1])
    return ConfigurationError(
        found["text"], file=directory / found["file"], line=int(line) if line else None
    )


def _revision(directory: Path, sources: list[str], catalog: Path) -> str:
    digest = sha256(catalog.read_bytes())
    for source in sources:
        for file in sorted((directory / source).rglob("*")):
            if file.is_file() and not file.name.endswith("_test.rego"):
                digest.update(f"\0{file.relative_to(directory)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:REVISION_LENGTH]
