"""A person is erased: no store knows them any more, and everything else stays as it was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from extauth.audit import ActionLog, AuditRecord, AuditWriter
from extauth.audit.action import actions
from extauth.audit.chain import Head
from extauth.audit.verification import verify
from extauth.errors import InvalidRequest, StackError
from extauth.identity.register import Register
from extauth.types import Principal
from tests.erasure.conftest import ADA, BOB, NOW, USER, Gateway, record

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow
"""Not Adam, nor a subject that begins alike."""


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
