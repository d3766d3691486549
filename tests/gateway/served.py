"""The gateway on empty books, with no network and no Triton: its requests, and what they leave."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.audit import AuditWriter
from extauth.audit.sqlite import SqliteLog
from extauth.audit.store import AuditStore
from extauth.facts.load import LoadMonitor
from extauth.gateway.books import Books
from extauth.gateway.exchange import Exchange
from extauth.gateway.gateway import Gateway
from extauth.gateway.health import Health
from extauth.gateway.runtime import Runtime
from extauth.gateway.step import Refuse
from extauth.identity import Identifier, JwtIdentity, KeyRing, SqliteKeys
from extauth.ledger import Counter, EmbeddedLedger
from extauth.ledger.reports import report
from extauth.ledger.store import report_lines
from extauth.observability.metrics import Metrics
from extauth.snapshot import Snapshot
from extauth.types import Counters, RequestHead, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.audit import AuditRecord
    from extauth.gateway.dispatched import Dispatched
    from extauth.gateway.request import Request
    from extauth.gateway.transaction import Transaction
    from extauth.policy import PolicyEngine

NOW = 1_790_000_000.0
"""A Monday, 14:13 UTC."""

HASH_KEY = bytes(range(32))

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16}
ROUTE = {"model": "chat", "version": "1", "cluster": "triton"}
JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}

PUPPET = "package gateway.{stage}\n\ndecision := data.decisions.{stage}\n"
"""A policy that decides what its data says, so that a test can say it."""


def now() -> float:
    """The clock of all tests."""
    return NOW


def generated(text: str, tokens: int | None = None, reason: str = "stop", index: int = 0) -> bytes:
    """One answer of a language model, as Triton's generate gives it."""
    fields: dict[str, object] = {
        "model_name": "chat",
        "model_version": "1",
        "text_output": text,
        "finish_reason": reason,
        "index": index,
    }
    return json.dumps(
        fields if tokens is None else {**fields, "completion_tokens": tokens}
    ).encode()


def event(text: str, tokens: int, reason: str = "", index: int = 0) -> bytes:
    """The same as a piece of a stream; `tokens` counts from the start."""
    return b"data: " + generated(text, tokens, reason, index) + b"\n\n"


def contents(events: bytes) -> str:
    """The text that an OpenAI client joins from a stream."""
    lines = events.decode().split("\n\n")
    chunks = [json.loads(line[6:]) for line in lines if line and line != "data: [DONE]"]
    return "".join(
        choice["delta"].get("content", "")
        for chunk in chunks
        for choice in chunk.get("choices", ())
    )


def puppet(snapshot: Snapshot, policy: Path, root: Path, **decisions: object) -> Snapshot:
    """`snapshot` with a policy that decides these; `policy` is the compiled `PUPPET`."""
    shutil.copytree(snapshot.root / "models", root / "models")
    shutil.copy(snapshot.root / "settings.json", root)
    (root / "policy").mkdir()
    shutil.copy(policy / "policy.wasm", root / "policy")
    data = {"decisions": {"admission": {"allow": True}, **decisions}}
    (root / "policy/data.json").write_text(json.dumps(data))
    return Snapshot.load(root)


def altered(
    snapshot: Snapshot, root: Path, settings: dict[str, Any], data: dict[str, Any]
) -> Snapshot:
    """`snapshot` at `root` with other settings and policy data: these, merged into its own."""
    shutil.copytree(snapshot.root, root)
    for name, changes in (("settings.json", settings), ("policy/data.json", data)):
        file = root / name
        file.write_text(json.dumps(_merged(json.loads(file.read_text()), changes)))
    return Snapshot.load(root)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merged(below[key], value) if isinstance(value, dict) else value
    return merged


def _unless_refused(step: object) -> None:
    if isinstance(step, Refuse):
        raise Refused(step)


async def never(seconds: float) -> None:
    """Nobody waits in line for long here."""
    raise AssertionError(f"asked for {seconds} s more")


class Kept:
    """An engine that others go on with when a runtime lets go of it."""

    def __init__(self, engine: PolicyEngine) -> None:
        self.name = engine.name
        self.decide = engine.decide
        self.list_models = engine.list_models

    async def close(self) -> None:
        """It stays open."""


class Loaded:
    """What is immutable of a snapshot in memory, for all tests that serve it: 0.4 s to load."""

    def __init__(self) -> None:
        self._runtimes: dict[Path, Runtime] = {}

    async def open(self, snapshot: Snapshot, keys: KeyRing) -> Runtime:
        """As `Runtime.open`."""
        loaded = self._runtimes.get(snapshot.root)
        if loaded is None:
            loaded = await Runtime.open(snapshot, keys, opa_url=None)
            self._runtimes[snapshot.root] = loaded
        settings = snapshot.settings
        return Runtime(
            snapshot=snapshot,
            engine=Kept(loaded.engine),
            models=loaded.models,
            backends=loaded.backends,
            calendar=loaded.calendar,
            identifier=Identifier(keys, JwtIdentity(settings.identity.jwt)),
            counters=loaded.counters,
            detector=loaded.detector,
            guard=loaded.guard,
            externals=None,
        )

    async def close(self) -> None:
        """Let go of the engines."""
        for runtime in self._runtimes.values():
            await runtime.close()


class Refused(Exception):
    """A request was answered with an error: what the client is told of it."""

    def __init__(self, step: Refuse) -> None:
        error = json.loads(step.body)["error"]
        self.status, self.code = step.status, step.code
        self.told = error if isinstance(error, str) else error["message"]
        self.param = None if isinstance(error, str) else error["param"]
        super().__init__(f"{self.status} {self.code}: {self.told}")


class Served:
    """A gateway, and what became of its requests. `runtime` is the one that serves."""

    def __init__(self, root: Path, runtime: Runtime, keys: SqliteKeys, ring: KeyRing) -> None:
        self.root = root
        self.keys = keys
        self.ring = ring
        self.log = SqliteLog(root / "audit.db", synchronous="NORMAL")
        self.runtime = runtime
        self.metrics = Metrics()
        self.ledger = EmbeddedLedger(root / "ledger.db", now)
        self.audit = AuditWriter(self.log, retention=60, clock=now)
        self.books = Books(
            ledger=self.ledger,
            audit=self.audit,
            load=LoadMonitor(dict),
            metrics=self.metrics,
            clock=now,
        )
        self.gateway = Gateway(
            runtime=lambda: self.runtime,
            books=self.books,
            hash_key=HASH_KEY,
            health=Health(root / "backends.sock"),
        )
        self.tokens: dict[str, str] = {}
        self._opened: list[Runtime] = []

    @classmethod
    async def open(cls, root: Path, snapshot: Snapshot, loaded: Loaded) -> Served:
        """The demo's principals on empty books."""
        keys = SqliteKeys(root / "identity.db")
        ring = KeyRing(keys)
        await ring.start()
        made = cls(root, await loaded.open(snapshot, ring), keys, ring)
        await made.ledger.start()
        await made.audit.start()
        for demo in snapshot.settings.identity.demo_keys:
            fields = {**msgspec.structs.asdict(demo), "now": NOW}
            _, made.tokens[demo.name] = keys.create(**fields)
        return made

    async def close(self) -> None:
        """Let go of the files."""
        await self.gateway.close()
        for runtime in self._opened:
            await runtime.close()
        await self.ledger.close()
        await self.audit.close()
        self.log.close()
        await self.ring.close()
        self.keys.close()

    async def serve(self, snapshot: Snapshot) -> None:
        """Serve another snapshot from now on."""
        self.runtime = await Runtime.open(snapshot, self.ring, opa_url=None)
        self._opened.append(self.runtime)

    def head(
        self,
        path: str = "/v1/chat/completions",
        *,
        who: str | None = "ada",
        method: str = "POST",
        **fields: Any,
    ) -> RequestHead:
        """The head of a request by one of the demo's principals."""
        headers = {":method": method, ":path": path, **fields.pop("headers", JSON)}
        if who is not None:
            headers["authorization"] = f"Bearer {self.tokens[who]}"
        return RequestHead("r1", method, path, "", headers, "192.0.2.7", **fields)

    def begin(self, head: RequestHead | None = None) -> Request:
        """A request of which only the head is known."""
        return self.gateway.request(head or self.head(), never)

    async def admit(self, head: RequestHead | None = None) -> Request:
        """A request that waits for its body. Raises Refused."""
        request = self.begin(head)
        _unless_refused(await request.headers(end=False))
        return request

    async def exchange(
        self, body: object = CHAT, head: RequestHead | None = None
    ) -> tuple[Request, Dispatched]:
        """A request that the backend has to answer now. Raises Refused."""
        request = await self.admit(head)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        _unless_refused(await request.body(content))
        assert isinstance(request.stage, Exchange)
        return request, request.stage.dispatched

    async def dispatch(
        self, body: object = CHAT, head: RequestHead | None = None
    ) -> tuple[Transaction, Dispatched]:
        """The same, for who looks at its books alone."""
        request, dispatched = await self.exchange(body, head)
        return request.transaction, dispatched

    async def leave(self, request: Request) -> None:
        """Have the client of a request go away."""
        request.close()
        await self.gateway.drain()

    async def counted(self, tenant: str = "acme", name: str = "ada") -> Counters:
        """What counts against a principal's limits now: settled and reserved."""
        key = f"principal:{tenant}/{name}"
        wanted = (Counter(key, "requests", 60), Counter(key, "tokens", 60))
        return Counters(*await self.ledger.usage(wanted, NOW))

    def charged(self) -> Usage:
        """What the ledger's file says was used, by everybody."""
        (row,) = report(report_lines(self.root / "ledger.db"), by=()) or (None,)
        return Usage(row.prompt_tokens, row.completion_tokens) if row else Usage()

    async def records(self) -> tuple[AuditRecord, ...]:
        """Every audit record. Nothing can be recorded afterwards."""
        await self.books.strangers.close()
        await self.audit.close()
        return AuditStore(self.log).last(100)

    async def record(self) -> AuditRecord:
        """The only one."""
        (record,) = await self.records()
        return record
