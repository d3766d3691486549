"""The keys that a process knows: checked in memory, forgotten in time, asked for in one line."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

import pytest

from extauth.errors import IdentityUnavailable, StackError, Unauthenticated
from extauth.identity import KeyRing, SqliteKeys
from extauth.identity import ring as module
from extauth.identity.store import joined

from .contract import HOUR, NOW, Kept

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from extauth.identity import KeyStore
    from extauth.identity.store import KnownKeys
    from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.slow


def ada(store: KeyStore) -> str:
    return store.create(name="ada", tenant="acme", tier="free", now=NOW)[1]


def guess() -> str:
    return joined(secrets.token_hex(8), secrets.token_urlsafe(32))


class Counted(SqliteKeys):
    """A store that tells how it is asked, and answers when it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[int] = []
        self.under_way = self.most_at_once = 0

    def find(self, ids: Sequence[str]) -> KnownKeys:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        if ids:
            self.asked.append(len(ids))
        try:
            return super().find(ids)
        finally:
            self.under_way -= 1


@pytest.fixture
async def counted(tmp_path: Path) -> Counted:
    return Counted(tmp_path / "identity.db")


async def refusal(ring: KeyRing, key: str) -> type[Exception] | None:
    try:
        await ring.authenticate(key, NOW)
    except (Unauthenticated, IdentityUnavailable) as error:
        return type(error)
    return None


async def test_a_key_is_looked_up_once(counted: Counted) -> None:
    key, ring = ada(counted), KeyRing(counted)
    await ring.start()

    for _ in range(100):
        await ring.authenticate(key, NOW)

    assert counted.asked == [1]
    await ring.close()
    counted.close()


async def test_those_who_come_together_ask_together(counted: Counted) -> None:
    key, ring = ada(counted), KeyRing(counted)
    await ring.start()

    keys = [key] * 50 + [guess() for _ in range(500)]
    answers = await asyncio.gather(*(refusal(ring, each) for each in keys))

    assert answers == [None] * 50 + [Unauthenticated] * 500
    assert counted.asked == [501]
    await ring.close()
    counted.close()


async def test_guesses_ask_one_question_at_a_time_and_push_nobody_out(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNKNOWN", 100)
    key, ring = ada(counted), KeyRing(counted)
    await ring.start()
    await ring.authenticate(key, NOW)

    async def attacker() -> None:
        for _ in range(50):
            assert await refusal(ring, guess()) is Unauthenticated

    await asyncio.gather(*(attacker() for _ in range(40)))
    asked = len(counted.asked)
    await ring.authenticate(key, NOW)

    assert counted.most_at_once == 1
    assert len(counted.asked) == asked
    assert len(ring._unknown) == 100
    await ring.close()
    counted.close()


async def test_no_more_wait_than_one_question_takes(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASKED", 10)
    ring = KeyRing(counted)
    await ring.start()

    answers = await asyncio.gather(*(refusal(ring, guess()) for _ in range(15)))

    assert answers.count(IdentityUnavailable) == 5
    assert answers.count(Unauthenticated) == 10
    await ring.close()
    counted.close()


async def test_the_same_wrong_key_is_looked_up_once(counted: Counted) -> None:
    ring = KeyRing(counted)
    await ring.start()
    wrong = guess()

    for _ in range(5):
        assert await refusal(ring, wrong) is Unauthenticated

    assert counted.asked == [1]
    await ring.close()
    counted.close()


async def test_a_process_remembers_no_more_keys_than_it_may(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KNOWN", 3)
    ring = KeyRing(counted)
    await ring.start()
    keys = [
        counted.create(name=f"k{number}", tenant="acme", tier="free", now=NOW)[1]
        for number in range(10)
    ]
    for key in keys:
        await ring.authenticate(key, NOW)

    assert len(ring._known) == 3
    await ring.authenticate(keys[0], NOW)
    await ring.close()
    counted.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask every few milliseconds; the limit of the test ends it."""
    while not await condition():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


async def until_answered(ring: KeyRing, key: str, answer: type[Exception] | None) -> None:
    async def answered() -> bool:
        return await refusal(ring, key) is answer

    await until(answered)


async def until_failing(ring: KeyRing) -> None:
    async def failing() -> bool:
        return ring.failure is not None

    await until(failing)


CHANGES: dict[str, Callable[[KeyStore], object]] = {
    "revoke": lambda store: store.revoke("acme/ada", now=NOW),
    "rotate": lambda store: store.rotate("acme/ada", grace=0, now=NOW),
    "erase": lambda store: store.erase("acme", "ada"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_another_process_of_the_node_ends_is_refused_at_once(
    kept: Kept, ring: KeyRing, change: str
) -> None:
    elsewhere = kept.store()
    key = ada(elsewhere)
    await ring.authenticate(key, NOW)

    await asyncio.to_thread(CHANGES[change], elsewhere)

    assert await refusal(ring, key) is Unauthenticated


async def test_a_question_under_way_does_not_outlive_a_change(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is from before the change: it may be given, and must not be kept."""
    key, ring = ada(counted), KeyRing(counted)
    await ring.start()
    find = counted.find

    def slow(ids: Sequence[str]) -> KnownKeys:
        found = find(ids)
        if ids:
            monkeypatch.setattr(counted, "find", find)
            counted.revoke("acme/ada", now=NOW)
        return found

    monkeypatch.setattr(counted, "find", slow)
    await ring.authenticate(key, NOW)

    assert await refusal(ring, key) is Unauthenticated
    await ring.close()
    counted.close()


async def test_another_node_follows_within_a_second(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    kept = Kept(tmp_path, postgres_server)
    here, there = kept.store("-here"), kept.store("-there")
    key, ring = ada(here), KeyRing(there)
    await ring.start()
    await ring.authenticate(key, NOW)

    await asyncio.to_thread(here.revoke, "acme/ada", now=NOW)
    begun = time.monotonic()
    await until_answered(ring, key, Unauthenticated)

    assert time.monotonic() - begun < module.LEASE
    await ring.close()
    kept.close()


async def test_while_the_server_is_away_nobody_is_let_in_by_a_key(
    tmp_path: Path, private_postgres: PostgresServer
) -> None:
    """What was revoked meanwhile nobody knows. When it is back, so are they."""
    kept = Kept(tmp_path, private_postgres)
    store = kept.store()
    key, ring = ada(store), KeyRing(store)
    await ring.start()
    await ring.authenticate(key, NOW)

    await asyncio.to_thread(private_postgres.stop)
    begun = time.monotonic()
    await until_answered(ring, key, IdentityUnavailable)

    assert time.monotonic() - begun < module.LEASE + module.PATIENCE + 0.5
    await until_failing(ring)
    begun = time.monotonic()
    assert await refusal(ring, guess()) is IdentityUnavailable
    assert time.monotonic() - begun < 0.1, "they are told at once"

    await asyncio.to_thread(private_postgres.start)
    await until_answered(ring, key, None)
    assert ring.failure is None
    assert (await ring.authenticate(key, NOW + HOUR)).id == "acme/ada"
    await ring.close()
    kept.close()


async def test_a_server_that_hangs_holds_up_nobody_for_long(
    tmp_path: Path, private_postgres: PostgresServer
) -> None:
    kept = Kept(tmp_path, private_postgres)
    store = kept.store()
    key, ring = ada(store), KeyRing(store)
    await ring.start()
    await ring.authenticate(key, NOW)

    private_postgres.pause()
    begun = time.monotonic()
    await until_answered(ring, key, IdentityUnavailable)
    await until_failing(ring)

    assert time.monotonic() - begun < module.LEASE + 2 * module.PATIENCE + 0.5
    assert await refusal(ring, key) is IdentityUnavailable
    private_postgres.resume()
    await until_answered(ring, key, None)
    await ring.close()
    kept.close()


async def test_the_client_is_not_told_where_keys_are(
    tmp_path: Path, private_postgres: PostgresServer
) -> None:
    kept = Kept(tmp_path, private_postgres)
    ring = KeyRing(kept.store())
    await ring.start()
    await asyncio.to_thread(private_postgres.stop)

    with pytest.raises(IdentityUnavailable) as told:
        await ring.authenticate(guess(), NOW)

    assert told.value.status == 503
    assert str(private_postgres.directory) not in told.value.told

    async def known() -> bool:
        return str(private_postgres.directory) in str(ring.failure)

    await until(known)
    await ring.close()
    kept.close()
    private_postgres.start()


async def test_a_loop_that_stood_still_is_no_outage(counted: Counted) -> None:
    """Nothing was asked meanwhile: the next request has to wait, and is let in."""
    key, ring = ada(counted), KeyRing(counted)
    await ring.start()
    await ring.authenticate(key, NOW)
    time.sleep(module.LEASE + module.PATIENCE + 0.1)  # noqa: ASYNC251 - it is to stand still

    assert (await ring.authenticate(key, NOW)).id == "acme/ada"
    await ring.close()
    counted.close()


async def test_a_store_that_can_not_be_asked_is_told_at_the_start(tmp_path: Path) -> None:
    store = SqliteKeys(tmp_path / "identity.db")
    store.close()
    (tmp_path / "identity.db").unlink()
    ring = KeyRing(store)

    with pytest.raises((StackError, ValueError)):
        await ring.start()
    await ring.close()
