"""A person is erased: no store knows them any more, and everything else stays as it was."""

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
from extauth.audit.action import actions
from extauth.audit.chain import Head
from extauth.audit.store import AuditStore
from extauth.audit.verification import verify
from extauth.erasure import erase, find
from extauth.errors import InvalidRequest, StackError
from extauth.identity.register import Register
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

pytestmark = pytest.mark.slow

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


def test_no_byte_of_the_person_stays(gateway: Gateway) -> None:
    assert gateway.traces()

    erased = gateway.erase()

    assert gateway.traces() == {}
    done = {each.store: (each.rewritten, each.deleted) for each in erased.stores}
    assert done["keys"] == (0, 2)
    # Bob's and Adam's were held to a limit of hers.
    assert done["audit records"] == (63, 0)
    assert done["audit actions"] == (1, 0)
    assert done["ledger"][0] >= 4
    assert done["other files"] == (1, 1)
    assert (erased.running, erased.configured) == (0, ())


def test_the_chain_holds_and_tells_of_it(gateway: Gateway) -> None:
    before = Head.parse(verify(gateway.log).head)

    erased = gateway.erase()

    found = verify(gateway.log, before)
    assert (found.valid, found.records, found.actions, found.erased) == (True, 63, 2, 64)
    done = list(actions(gateway.log))[erased.action - 1]
    assert (done.kind, done.user, done.credential, done.subject) == (
        "privacy.erase",
        "operator",
        "state directory",
        erased.pseudonym,
    )
    assert done.after == [msgspec.to_builtins(each) for each in erased.stores]


def test_what_was_erased_can_not_be_guessed_from_what_the_chain_keeps(gateway: Gateway) -> None:
    """The digest that stays is of the content and of a salt that is gone."""
    before = gateway.salts()
    gateway.erase()
    after = gateway.salts()

    data = b"".join(gateway.contents().values())
    assert len(set(after)) == len(after) == len(before)
    assert not [salt for salt in before if salt in data]


async def test_a_gateway_that_serves_does_not_keep_what_was_erased(gateway: Gateway) -> None:
    """It has the log open: nobody but the erasure empties its write-ahead log."""
    writer = AuditWriter(gateway.serving, retention=60, clock=lambda: NOW)
    await writer.start()
    await writer.record(record("running", ADA))
    await writer.flush()

    await asyncio.to_thread(gateway.erase)

    assert gateway.traces() == {}
    await writer.close()


def test_facts_and_sums_stay(gateway: Gateway) -> None:
    before = {each["request_id"]: each for each in gateway.records()}

    pseudonym = gateway.erase().pseudonym

    for each in gateway.records():
        was = before[each["request_id"]]
        for field in ("time", "outcome", "usage", "route", "timings", "rules"):
            assert each[field] == was[field]
        assert each["facts"]["tokens"] == was["facts"]["tokens"]
        assert each["facts"]["principal"] == each["principal"]
        assert each["facts"]["source"]["ip"] == each["source"]
        msgspec.convert(each, AuditRecord)
    ada = {each["request_id"]: each for each in gateway.records()}["ada1"]
    assert ada["principal"]["id"] == pseudonym
    assert ada["principal"]["attributes"]["team"] == "research"
    assert ada["principal"]["roles"] == ["developer"]
    assert ada["source"] == "203.0.113.0"
    assert gateway.used("principal:acme/ada", f"principal:{pseudonym}", "tenant:acme") == [
        *(0, 630, 630)
    ]


def test_others_keep_their_names_addresses_and_keys(gateway: Gateway) -> None:
    gateway.erase()

    records = {each["request_id"]: each for each in gateway.records()}
    assert msgspec.convert(records["bob"]["principal"], Principal) == BOB
    assert records["bob"]["source"] == "192.0.2.9"
    assert records["adam"]["principal"]["id"] == "acme/adam"
    assert {key.name for key in gateway.keys.list()} == {"bob", "adam"}
    assert "acme/adam too" in (gateway.state.logs / "service.log").read_text()


def test_a_user_is_all_of_their_principals(gateway: Gateway) -> None:
    for subject in ("acme/ada", "acme/laptop-ada", f"acme/{USER}"):
        person = gateway.find(subject)
        assert {"ada", "laptop-ada"} <= set(person.principals)
        assert USER in person.users
        assert "bob" not in person.principals


def test_a_second_time_there_is_nothing_to_do(gateway: Gateway) -> None:
    first = gateway.erase()
    again = gateway.erase()

    assert again.pseudonym == first.pseudonym
    assert [(each.rewritten, each.deleted) for each in again.stores] == [(0, 0)] * 5
    assert verify(gateway.log).valid


@pytest.mark.parametrize("part", ["rename", "blot_out", "rewrite", "drop", "complete"])
def test_what_was_cut_off_is_completed_by_the_next_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The process dies in the middle."""

    def die(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    place = {"drop": (Register, "erase"), "complete": (ActionLog, "complete")}
    with monkeypatch.context() as patched:
        if part in place:
            patched.setattr(*place[part], die)
        elif part != "rename":
            patched.setattr(f"extauth.erasure.erasure.{part}", die)
        with pytest.raises(KeyboardInterrupt):
            gateway.erase(rename=die if part == "rename" else None)
    assert not any(key.works(NOW) for key in gateway.keys.list() if key.name == "ada")

    gateway.erase()

    assert gateway.traces() == {}
    assert verify(gateway.log).valid


def test_who_comes_back_is_somebody_new(gateway: Gateway) -> None:
    """Their own limits begin anew, since nobody knows them; those of the tenant do not."""
    gateway.erase()
    gateway.serve(record("back", ADA))

    assert gateway.used("principal:acme/ada", "tenant:acme") == [10, 640]
    gateway.erase()
    assert gateway.traces() == {}


def test_a_token_s_subject_may_begin_like_another_one(gateway: Gateway) -> None:
    token = msgspec.structs.replace(BOB, id="acme/ada|42", kind="jwt")
    gateway.serve(record("token", token))

    gateway.erase()

    records = {each["request_id"]: each for each in gateway.records()}
    assert records["token"]["principal"]["id"] == "acme/ada|42"


def test_the_operator_is_told_of_what_comes_from_the_configuration(gateway: Gateway) -> None:
    data = gateway.state.snapshots / "abc" / "policy" / "data.json"
    data.parent.mkdir(parents=True)
    data.write_text('{"exceptions": ["acme/ada"]}')

    assert gateway.erase().configured == ("snapshots/abc/policy/data.json",)


@pytest.mark.parametrize("subject", ["ada", "/ada", "acme/", "a b/ada", "acme/erased-123"])
def test_a_subject_is_a_tenant_s_name(gateway: Gateway, subject: str) -> None:
    with pytest.raises(InvalidRequest):
        gateway.find(subject)


def test_nothing_is_erased_off_the_record(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.keys.create(name="ada", tenant="acme", tier="premium", now=NOW)

    with pytest.raises(StackError, match="there is no audit log"):
        gateway.erase()

    assert len(gateway.keys.list()) == 1
    gateway.close()
