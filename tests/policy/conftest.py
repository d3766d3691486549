"""Compiled policies and a real OPA server, once a session."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.policy import LISTING, Entrypoint, WasmEngine
from extauth.policy.opa_server import OpaServerEngine
from extauth.rego.server import serve
from extauth.snapshot.bundle import unpack
from extauth.stack.engines.opa import find_opa

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
TIMEOUT = 5.0


def model(region: str, *versions: str, **aliases: str) -> dict[str, object]:
    """What the compiler tells the policies of a model."""
    return {
        "task": "chat",
        "backend": "triton",
        "backend_kind": "triton",
        "cluster": "triton",
        "region": region,
        "versions": list(versions),
        "aliases": aliases,
        "default": versions[0],
        "context_length": 1024,
        "price": {"prompt": 0, "completion": 0},
    }


CATALOG = {
    "chat": model("eu-west", "1", "2", stable="1", next="2"),
    "echo": model("eu-west", "1"),
    "embed": model("eu-west", "1"),
}


@dataclass(frozen=True)
class Bundle:
    """The same policies for both engines."""

    revision: str
    directory: Path
    archive: Path


def build(target: Path, *sources: Path, revision: str = "one") -> Bundle:
    """Compile policies with `opa build`, for Wasm and for a server."""
    target.mkdir(parents=True, exist_ok=True)
    catalog = target / "catalog.json"
    catalog.write_text(json.dumps({"catalog": {"models": CATALOG}}))
    inputs = [str(catalog), *map(str, sources)]
    if POLICIES / "gateway" not in sources:
        inputs.append(str(POLICIES / "gateway" / "listing"))
    common = ("--ignore", "*_test.rego", "-r", revision, *inputs)
    archive = target / "bundle.tar.gz"
    opa("build", "-o", str(archive), *common)
    wasm = target / "wasm.tar.gz"
    entries = (flag for entry in (*Entrypoint, LISTING) for flag in ("-e", entry))
    opa("build", "-t", "wasm", *entries, "-o", str(wasm), *common)
    (target / "policy").mkdir()
    for name, content in unpack(wasm.read_bytes()).items():
        if name in {"policy.wasm", "data.json"}:
            (target / "policy" / name).write_bytes(content)
    shutil.copyfile(archive, target / "policy" / "bundle.tar.gz")
    return Bundle(revision, target / "policy", archive)


@cache
def opa_path() -> Path:
    """The OPA beside this Python, else the one that the stack would run."""
    beside = Path(sys.executable).with_name("opa")
    return beside if beside.exists() else find_opa().path


def opa(*arguments: str) -> str:
    """Run OPA to its end."""
    done = subprocess.run(
        [str(opa_path()), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The repository's own policies."""
    target = tmp_path_factory.mktemp("bundle")
    return build(target, POLICIES / "gateway", POLICIES / "data")


@pytest.fixture(scope="session")
def server(bundle: Bundle) -> Iterator[str]:
    """A server with the repository's own policies."""
    with serve(opa_path(), bundle.archive) as url:
        yield url


@pytest.fixture(scope="session")
def wasm(bundle: Bundle) -> Iterator[WasmEngine]:
    """The repository's own policies in process."""
    engine = WasmEngine(bundle.directory, TIMEOUT)
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
async def served(server: str, bundle: Bundle) -> AsyncIterator[OpaServerEngine]:
    """The repository's own policies in a server."""
    engine = OpaServerEngine(server, TIMEOUT, bundle.revision)
    yield engine
    await engine.close()
