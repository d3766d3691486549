"""The gateway's inside, put together as `extauth.app` does, with no network and no Triton."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.audit import AuditWriter
from extauth.audit.store import AuditStore
from extauth.events import Events
from extauth.facts.behaviour import Behaviour
from extauth.facts.load import LoadMonitor
from extauth.gateway.admission import admit
from extauth.gateway.exchange import Exchange
from extauth.gateway.inference import Inference
from extauth.gateway.queue import WaitingRoom
from extauth.gateway.runtime import Runtime
from extauth.gateway.transaction import Books, Transaction
from extauth.identity import Identifier, JwtIdentity, KeyStore
from extauth.ledger import Counter, EmbeddedLedger
from extauth.ledger.reports import report
from extauth.ledger.store import report_lines
from extauth.observability.metrics import Metrics
from extauth.snapshot import Snapshot
from extauth.types import Counters, RequestHead, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.audit import AuditRecord
    from extauth.gateway.dispatch import Dispatch
    from extauth.policy import PolicyEngine

NOW = 1_790_000_000.0
HASH_KEY = bytes(range(32))
"""A Monday, 14:13 UTC."""

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


async def never(seconds: float) -> None:
    """Nobody waits in line for long here."""
    raise AssertionError(f"asked for {seconds} s more")


class Kept:
    """An engine that others go on with when a runtime lets go of it."""

    def __init__(self, engine: PolicyEngine) -> None:
        self.name = engine.name
        self.decide = engine.decide

    async def close(self) -> None:
        """It stays open."""


class Loaded:
    """What is immutable of a snapshot in memory, for all tests that serve it: 0.4 s to load."""

    def __init__(self) -> None:
        self._runtimes: dict[Path, Runtime] = {}

    async def open(self, snapshot: Snapshot, keys: KeyStore) -> Runtime:
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


@dataclass
class Pipeline:
    """Everything that a request passes, and what became of it."""

    root: Path
    keys: KeyStore
    ledger: EmbeddedLedger
    audit: AuditWriter
    runtime: Runtime
    inference: Inference
    metrics: Metrics = field(default_factory=Metrics)
    tokens: dict[str, str] = field(default_factory=dict)
    room: WaitingRoom = field(default_factory=WaitingRoom)
    load: LoadMonitor = field(default_factory=lambda: LoadMonitor(dict))
    behaviour: Behaviour = field(default_factory=Behaviour)
    opened: list[Runtime] = field(default_factory=list)

    @classmethod
    async def open(cls, root: Path, snapshot: Snapshot, loaded: Loaded) -> Pipeline:
        """The demo's principals on empty books."""
        keys = KeyStore(root / "identity.db")
        ledger = EmbeddedLedger(root / "ledger.db", now)
        audit = AuditWriter(root / "audit.db", retention=60, clock=now)
        await ledger.start()
        await audit.start()
        runtime = await loaded.open(snapshot, keys)
        pipeline = cls(root, keys, ledger, audit, runtime, Inference(ledger, HASH_KEY))
        for demo in snapshot.settings.identity.demo_keys:
            fields = {**msgspec.structs.asdict(demo), "now": NOW}
            _, pipeline.tokens[demo.name] = keys.create(**fields)
        return pipeline

    async def close(self) -> None:
        """Let go of the files."""
        for runtime in self.opened:
            await runtime.close()
        await self.ledger.close()
        await self.audit.close()
        self.keys.close()

    @cached_property
    def books(self) -> Books:
        """Where transactions are entered."""
        return Books(
            ledger=self.ledger,
            room=self.room,
            events=Events(self.metrics, now),
            load=self.load,
            behaviour=self.behaviour,
            audit=self.audit,
            metrics=self.metrics,
            clock=now,
        )

    async def serve(self, snapshot: Snapshot) -> None:
        """Serve another snapshot from now on."""
        self.runtime = await Runtime.open(snapshot, self.keys, opa_url=None)
        self.opened.append(self.runtime)

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

    def begin(self, head: RequestHead | None = None) -> Transaction:
        """A request of which only the head is known."""
        return Transaction(self.books, self.runtime, head or self.head())

    async def dispatch(
        self, body: object = CHAT, head: RequestHead | None = None
    ) -> tuple[Transaction, Dispatch]:
        """A request up to its departure. Raises what the client would be told."""
        transaction = self.begin(head)
        await admit(transaction)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return transaction, await self.inference.dispatch(transaction, content, never)

    async def exchange(
        self, body: object = CHAT, head: RequestHead | None = None
    ) -> tuple[Exchange, Dispatch]:
        """A request that the backend has to answer now."""
        transaction, dispatch = await self.dispatch(body, head)
        return Exchange(transaction, dispatch), dispatch

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
        await self.audit.close()
        store = AuditStore(self.root / "audit.db")
        try:
            return store.last(100)
        finally:
            store.close()

    async def record(self) -> AuditRecord:
        """The only one."""
        (record,) = await self.records()
        return record
