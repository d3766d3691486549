"""Three workers in one event loop, each with a state directory of its own, led by worker 0."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.identity import KeyRing, SqliteKeys
from extauth.network.server import listen_unix, serving
from extauth.observability.metrics import Metrics
from extauth.settings import Admin, Identity, Limits, ListenerSettings, Policy, Settings
from extauth.snapshot import Snapshot
from extauth.stack.engines.opa import find_opa
from extauth.storage.state import StateDir
from extauth.workers import Leader, Sibling, Worker, create_control
from extauth.workers.state import WorkerState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

TOKEN = "a-token-for-tests"
WORKERS = 3

SETTINGS = Settings(
    time_zone="UTC",
    listener=ListenerSettings("127.0.0.1", 8080),
    admin=Admin("127.0.0.1", 8081),
    policy=Policy("wasm", 0.25),
    backends={},
    models={},
    identity=Identity(86_400.0),
    limits=Limits(
        request_body=64 << 10,
        response_body=256 << 10,
        header_bytes=16 << 10,
        request_timeout=20.0,
        stream_idle_timeout=20.0,
        json_depth=32,
    ),
)
POLICY = """
package gateway.{stage}

decision := {{"allow": true, "reasons": [{{"rule": data.rule, "message": ""}}]{more}}}
"""


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The smallest ones, compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from extauth.compiler.policies import compile_policies  # noqa: PLC0415 - it warns

    sources = tmp_path_factory.mktemp("sources")
    (sources / "gateway").mkdir()
    for stage, more in (("admission", ""), ("inference", ', "obligations": []')):
        (sources / f"gateway/{stage}.rego").write_text(POLICY.format(stage=stage, more=more))
    return compile_policies(sources, {}, find_opa().path)


@dataclass
class Process:
    """What a worker's process is made of; `failing` are the parts of it that do not work."""

    worker: Worker
    state: StateDir
    metrics: Metrics
    failing: tuple[str, ...] = ()
    serving: AsyncExitStack = field(default_factory=AsyncExitStack)
    forgotten: dict[str, str] = field(default_factory=dict)

    async def forget(self, names: Mapping[str, str]) -> None:
        self.forgotten.update(names)

    def tell(self) -> WorkerState:
        return WorkerState(
            self.worker.digest,
            self.worker.sequence,
            self.worker.retiring,
            self.failing,
            self.worker.trial,
        )


class Fleet:
    """The processes, and how snapshots get to their disks."""

    def __init__(self, root: Path, policies: dict[str, bytes]) -> None:
        self.root = root
        self._policies = policies
        self.processes: list[Process] = []
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Start them on the snapshot `first`."""
        self.first = self.compiled("first", 1)
        for number in range(WORKERS):
            await self.start(number)
        self.siblings = [
            Sibling(number, self.socket(number), TOKEN) for number in range(1, WORKERS)
        ]
        own = self.processes[0]
        self.leader = Leader(own.worker, self.siblings, own.tell, own.metrics, own.forget)

    async def close(self) -> None:
        for sibling in self.siblings:
            await sibling.close()
        for process in self.processes:
            await process.worker.close()
            await process.serving.aclose()

    async def start(self, number: int) -> Process:
        """Start a worker, in the place of the one that had the number."""
        state = self.disk(number)
        keys, metrics = SqliteKeys(state.identity_db), Metrics()

        async def served(_: Snapshot) -> None:
            """Nothing else follows a snapshot here."""

        worker = Worker(
            state,
            KeyRing(keys),
            number=number,
            opa_url=None,
            verifier=None,
            metrics=metrics,
            clock=time.time,
            served=served,
        )
        await worker.start(Snapshot.load(state.snapshots / self.first))
        process = Process(worker, state, metrics)
        process.serving.callback(keys.close)
        control = create_control(TOKEN, worker, process.tell, metrics, process.forget)
        await process.serving.enter_async_context(
            serving(control, listen_unix(self.socket(number)))
        )
        self.processes[number : number + 1] = [process]
        return process

    async def kill(self, number: int) -> None:
        """End a worker's endpoint and all that it knows."""
        await self.processes[number].serving.aclose()

    def socket(self, number: int) -> Path:
        return self.root / f"{number}.sock"

    def disk(self, number: int) -> StateDir:
        return StateDir.at(self.root / str(number))

    def compiled(self, rule: str, sequence: int, *, on: tuple[int, ...] = (0, 1, 2)) -> str:
        """Put a snapshot on the disks of these workers; its digest."""
        return self._write("snapshots", {"rule": rule}, sequence, on)

    def candidate(self, **data: object) -> str:
        """Put a candidate on every disk; its digest."""
        return self._write("trials", data, 0, (0, 1, 2))

    def _write(
        self, directory: str, data: dict[str, object], sequence: int, on: tuple[int, ...]
    ) -> str:
        from extauth.compiler.compilation import write_snapshot  # noqa: PLC0415 - it warns

        files = {
            **self._policies,
            "policy/data.json": msgspec.json.encode(data),
            "settings.json": msgspec.json.encode(SETTINGS),
        }
        digest = ""
        for number in on:
            snapshot = write_snapshot(files, self.disk(number).path / directory)
            snapshot.stamped(sequence, None)
            digest = snapshot.digest
        return digest

    @property
    def served(self) -> list[str]:
        """What each worker serves."""
        return [process.worker.digest for process in self.processes]


@pytest.fixture
def root() -> Iterator[Path]:
    """A directory with a name short enough for unix sockets."""
    directory = Path(tempfile.mkdtemp(prefix="fleet"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
async def fleet(root: Path, policies: dict[str, bytes]) -> AsyncIterator[Fleet]:
    made = Fleet(root, policies)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        await made.open()
    yield made
    await made.close()
