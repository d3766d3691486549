"""A gateway that knows a person, and others who are to stay."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from extauth.audit import Action, ActionLog, AuditRecord, AuditWriter
from extauth.audit.store import AuditStore
from extauth.erasure import erase, find
from extauth.ledger import EmbeddedLedger
from extauth.ledger.ledger import Moved
from extauth.obligations import Reason
from extauth.settings import StoreSettings
from extauth.storage.state import StateDir
from extauth.stores import Stores
from extauth.types import Account, Limit, Principal
from tests.audit.conftest import _served
from tests.compiler.conftest import SETTINGS
from tests.ledger.contract import demand, usage
from tests.postgres_server import postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from extauth.erasure import Erased, Person
    from tests.postgres_server import PostgresServer

__all__ = ["postgres_server"]

NOW = 1_790_000_000.0
USER = "ada.lovelace@example.com"
ADA = Principal(
    "acme/ada",
    "api_key",
    "acme",
    "premium",
    ("developer",),
    attributes={"user": USER, "team": "research", "desk": "desk-4711"},
)
LAPTOP = msgspec.structs.replace(ADA, id="acme/laptop-ada")
BOB = Principal("acme/bob", "api_key", "acme", "premium", attributes={"user": "bob"})
ADAM = Principal("acme/adam", "api_key", "acme", "premium")
LIMITS = (
    Limit("mine", "principal:acme/ada", "tokens", 60, 1000, warn_at=(1,)),
    Limit("user", f"user:{USER}", "tokens", 60, 1000),
    Limit("theirs", "tenant:acme", "tokens", 60, 1000),
)
TABLES = (
    "sluice_identity.keys",
    "sluice_audit.records",
    "sluice_audit.actions",
    "sluice_audit.chain",
)
TRACES = (
    rb"acme/ada(?!m|\|)",
    rb"acme/laptop-ada",
    rb"lovelace",
    rb"desk-4711",
    rb"203\.0\.113\.77",
    rb"198\.51\.100\.99",
)
"""Not Adam, nor a subject that begins alike."""


def record(request_id: str, principal: Principal, source: str = "203.0.113.77") -> AuditRecord:
    """A request that was denied with a message that says too much."""
    made = _served(request_id)
    assert made.facts is not None
    assert made.decision is not None
    message = f"{principal.id} ({principal.attributes.get('user')}) may not call from {source}"
    return msgspec.structs.replace(
        made,
        principal=principal,
        source=source,
        facts=msgspec.structs.replace(
            made.facts,
            principal=principal,
            source=msgspec.structs.replace(made.facts.source, ip=source),
        ),
        decision=msgspec.structs.replace(
            made.decision,
            reasons=(Reason("network.closed", message),),
            obligations=LIMITS,
        ),
    )


class Gateway:
    """A gateway's stores and state directory, which nobody uses at the moment."""

    def __init__(self, root: Path, server: PostgresServer | None = None) -> None:
        self.state = StateDir.at(root / "state")
        self.state.create()
        self.server = server
        settings = None
        if server is not None:
            store = StoreSettings("postgres", server.database(), str(server.password_file))
            settings = replace(
                SETTINGS,
                identity=replace(SETTINGS.identity, store=store),
                audit=replace(SETTINGS.audit, store=store),
            )
            self.url = store.url
            # As a stack leaves it, so that commands find the stores too.
            snapshot = self.state.snapshots / "compiled"
            snapshot.mkdir()
            (snapshot / "settings.json").write_bytes(msgspec.json.encode(settings))
            self.state.active.symlink_to(snapshot)
        self._stores = Stores(settings, self.state)
        self.keys, self.log = self._stores.keys(), self._stores.audit()
        self.serving = self._stores.audit(synchronous="NORMAL")

    def close(self) -> None:
        self._stores.close()

    def serve(self, *records: AuditRecord) -> None:
        """Requests come, are counted and end."""
        asyncio.run(self._serve(records))

    async def _serve(self, records: tuple[AuditRecord, ...]) -> None:
        writer = AuditWriter(self.serving, retention=60, clock=lambda: NOW)
        ledger = EmbeddedLedger(self.state.ledger_db, lambda: NOW)
        await writer.start()
        await ledger.start()
        for each in records:
            assert each.principal is not None
            await writer.record(each)
            account = Account("acme", each.principal.id, "chat", "1", "research")
            held = await ledger.reserve(account, demand(*LIMITS, worst=10), NOW)
            await ledger.settle(held, usage(10), NOW)
        await writer.close()
        await ledger.close()

    def rename(self, names: Mapping[str, str]) -> Moved:
        async def run() -> Moved:
            ledger = EmbeddedLedger(self.state.ledger_db, lambda: NOW)
            await ledger.start()
            try:
                return await ledger.rename(names, NOW)
            finally:
                await ledger.close()

        return asyncio.run(run())

    def used(self, *keys: str) -> list[int]:
        async def run() -> list[int]:
            ledger = EmbeddedLedger(self.state.ledger_db, lambda: NOW)
            await ledger.start()
            found = [await ledger.standing(key, NOW) for key in keys]
            await ledger.close()
            return [sum(each.used for each in standings) for standings in found]

        return asyncio.run(run())

    def find(self, subject: str) -> Person:
        return find(subject, self.keys, self.log)

    def erase(
        self, subject: str = "acme/ada", rename: Callable[[Mapping[str, str]], Moved] | None = None
    ) -> Erased:
        return erase(
            self.find(subject),
            self.state,
            self.keys,
            self.log,
            rename or self.rename,
            user="operator",
            clock=time.time,
        )

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in AuditStore(self.log).export()]

    def salts(self) -> list[bytes]:
        """Of all records."""
        with self.log.reading() as session:
            return [salt for (salt,) in session.rows("SELECT salt FROM records")]

    def contents(self) -> dict[str, bytes]:
        """Everything that is kept: files byte by byte, and of a server what a query finds."""
        kept = {
            str(file.relative_to(self.state.path)): file.read_bytes()
            for file in self.state.path.rglob("*")
            if file.is_file()
        }
        if self.server is not None:
            with self.server.connect(str(self.url)) as connection:
                for table in TABLES:
                    rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
                    kept[table] = b"".join(
                        value if isinstance(value, bytes) else str(value).encode()
                        for row in rows
                        for value in (*row, b"\n")
                    )
        return kept

    def traces(self) -> dict[str, set[bytes]]:
        """The files and tables that still hold something of the person."""
        return {
            name: found
            for name, content in self.contents().items()
            if (found := {word for word in TRACES if re.search(word, content)})
        }


@pytest.fixture(params=["embedded", "postgres"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """Ada has two keys, and so has Bob one; all of them were served."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    made = Gateway(tmp_path, server)
    for principal in (ADA, LAPTOP, BOB, ADAM):
        made.keys.create(
            name=principal.id.partition("/")[2],
            tenant="acme",
            tier="premium",
            attributes=principal.attributes,
            now=NOW,
        )
    made.serve(
        *(record(f"ada{number}", ADA) for number in range(30)),
        record("laptop", LAPTOP, "198.51.100.99"),
        record("bob", BOB, "192.0.2.9"),
        record("adam", ADAM, "192.0.2.9"),
        *(record(f"ada{number}", ADA) for number in range(30, 60)),
    )
    log = ActionLog(made.log)
    grant = Action(NOW, "admin token", "root", "limits.grant", "principal:acme/ada", {}, [])
    log.complete(log.begin(grant), msgspec.structs.replace(grant, after=[]))
    (made.state.logs / "service.log").write_text(
        f'event: {{"key":"user:{USER}"}}\nacme/ada was here\nacme/adam too\n'
    )
    (made.state.path / "replay.resume").write_bytes(b"\xb2principal:acme/ada\x07")
    yield made
    made.close()
