"""The policy directory to what the engines load: a bundle, and a Wasm module with its data."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.settings import Settings

ENTRYPOINTS = ("gateway/admission/decision", "gateway/inference/decision")
REVISION_LENGTH = 32

_SECONDS = 60
_LOCATION = re.compile(
    r"^(?:\d+ errors? occurred:\s*)?"
    r"(?P<file>[^\s:]+\.(?:rego|ya?ml|json)):(?P<line>\d+): (?P<text>.*)"
)


def compile_policies(directory: Path, settings: Settings, opa: Path) -> dict[str, bytes]:
    """`policy/bundle.tar.gz`, `policy/policy.wasm` and `policy/data.json` for a snapshot.

    The bundle's revision is the digest of the policies and their data; equal policies give equal
    bytes. Tests and decision cases are left out. Raises ConfigurationError with file and line.
    """
    sources = [path for name in ("gateway", "data") if (path := directory / name).is_dir()]
    if not sources:
        raise ConfigurationError(
            "holds no policies; expected the directories gateway/ and data/", file=directory
        )
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        work = Path(temporary)
        catalog = work / "catalog.json"
        catalog.write_text(json.dumps({"catalog": {"models": catalog_of(settings)}}))
        inputs = [*map(str, sources), str(catalog)]
        revision = _revision(sources, catalog)
        common = ["build", "--ignore", "*_test.rego", "--revision", revision]
        _run(opa, *common, "--output", str(work / "bundle.tar.gz"), *inputs)
        entries = [flag for entry in ENTRYPOINTS for flag in ("--entrypoint", entry)]
        _run(
            opa, *common, "--target", "wasm", *entries,
            "--output", str(work / "wasm.tar.gz"), *inputs,
        )  # fmt: skip
        bundle = _unpack(work / "bundle.tar.gz")
        wasm = _unpack(work / "wasm.tar.gz")
    return {
        "policy/bundle.tar.gz": _pack(bundle),
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
            "price": {"prompt": model.price.prompt, "completion": model.price.completion},
        }
        for model in settings.models.values()
    }


def _run(opa: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # a fixed command line, no shell
            [str(opa), *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"opa build took more than {_SECONDS} s") from None
    if done.returncode == 0:
        return
    lines = (done.stderr + done.stdout).replace("error: ", "").splitlines()
    for line in lines:
        if found := _LOCATION.match(line.strip()):
            raise ConfigurationError(
                found["text"], file=Path(found["file"]), line=int(found["line"])
            )
    raise ConfigurationError(f"the policies can't be built: {' '.join(lines)[:500]}")


def _revision(sources: list[Path], catalog: Path) -> str:
    digest = sha256(catalog.read_bytes())
    for source in sources:
        for file in sorted(source.rglob("*")):
            if file.is_file() and not file.name.endswith("_test.rego"):
                digest.update(f"\0{file.relative_to(source.parent)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:REVISION_LENGTH]


def _unpack(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as files:
        return {
            member.name.lstrip("/"): reader.read()
            for member in files
            if (reader := files.extractfile(member)) is not None
        }


def _pack(files: Mapping[str, bytes]) -> bytes:
    """A bundle without the moment and the place in which it was built."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"/{name}")
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
