"""The gateway's inside for every test that asks for it: compiled once, its books new each time."""

from __future__ import annotations

import asyncio
import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from extauth.content.privacy import Detector
from extauth.stack.engines.opa import find_opa
from tests.gateway.served import PUPPET, Loaded, Served, altered, puppet
from tests.gateway.servers import SERVERS
from tests.scheduling import DirectoryScheduling, longest_first

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from extauth.snapshot import Snapshot
    from tests.gateway.servers import Server

REPOSITORY = Path(__file__).parents[1]

# A busy machine takes long for anything: what is slow is for the benchmark to tell. With CI set,
# hypothesis tries the same examples each time.
settings.register_profile(
    "any-machine", settings.get_profile("ci" if "CI" in os.environ else "default"), deadline=None
)
settings.load_profile("any-machine")

# A supervisor forks to start a process, and never has gRPC in it as these tests do: what gRPC sets
# up after a fork fails in the moment before the other program begins.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> DirectoryScheduling:
    """Say which process runs which tests."""
    return DirectoryScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say in which order."""
    longest_first(items)


@contextmanager
def _compiler() -> Iterator[None]:
    """Where the compiler may be imported: Envoy's models are older than their pydantic."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The repository's own gateway.yaml and policies."""
    with _compiler():
        from extauth.compiler import Overrides, compile_snapshot  # noqa: PLC0415 - it warns

    made, _ = compile_snapshot(
        REPOSITORY / "gateway.yaml",
        tmp_path_factory.mktemp("snapshots"),
        opa=find_opa().path,
        envoy=None,
        overrides=Overrides(),
    )
    return made


@pytest.fixture(scope="session")
def openai_snapshot(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The demo with all of its models on a server of the OpenAI API."""
    names = snapshot.settings.models
    backend = {"kind": "openai", "url": "http://127.0.0.1:1"}
    return altered(
        snapshot,
        tmp_path_factory.mktemp("openai") / "snapshot",
        {
            "backends": {"triton": backend},
            "models": {name: {"parameters": None} for name in names},
        },
        {"catalog": {"models": {name: {"backend_kind": "openai"} for name in names}}},
    )


@pytest.fixture(scope="session")
def puppet_policy(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`PUPPET`, compiled."""
    with _compiler():
        from extauth.compiler.policies import catalog_of, compile_policies  # noqa: PLC0415 - it warns

    sources, made = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("puppet")
    (sources / "gateway").mkdir()
    for stage in ("admission", "inference"):
        (sources / f"gateway/{stage}.rego").write_text(PUPPET.format(stage=stage))
    files = compile_policies(sources, catalog_of(snapshot.settings), find_opa().path)
    (made / "policy.wasm").write_bytes(files["policy/policy.wasm"])
    return made


@pytest.fixture(scope="session")
def detector() -> Detector:
    """The real one: compiling it takes a moment."""
    return Detector()


@pytest.fixture(scope="session")
def loaded() -> Iterator[Loaded]:
    """What tests share of the snapshots that they serve."""
    made = Loaded()
    yield made
    asyncio.run(made.close())


@pytest.fixture
async def served(tmp_path: Path, snapshot: Snapshot, loaded: Loaded) -> AsyncIterator[Served]:
    """The shipped configuration on empty books."""
    made = await Served.open(tmp_path, snapshot, loaded)
    yield made
    await made.close()


@pytest.fixture
def decide(
    served: Served,
    puppet_policy: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Awaitable[None]]:
    """From now on the policies decide this, whatever they are asked."""

    async def from_now_on(**decisions: object) -> None:
        root = tmp_path_factory.mktemp("decided")
        await served.serve(puppet(served.runtime.snapshot, puppet_policy, root, **decisions))

    return from_now_on


@pytest.fixture(params=SERVERS.values(), ids=SERVERS.keys())
async def models(
    request: pytest.FixtureRequest, served: Served, loaded: Loaded, openai_snapshot: Snapshot
) -> Server:
    """The server of the gateway's models: a test with it runs on each kind."""
    models: Server = request.param
    if models.kind == "openai":
        served.runtime = await loaded.open(openai_snapshot, served.ring)
    return models
