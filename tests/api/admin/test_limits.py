"""`/limits`: to look at, to reset, to grant; each change is in the audit log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from extauth.api.admin import LimitsEndpoint, TokenCheck
from extauth.audit import Action, ActionLog, AuditWriter
from extauth.audit.action import actions
from extauth.audit.sqlite import SqliteLog
from extauth.ledger import Demand, EmbeddedLedger
from extauth.types import Account, CalendarPeriod, Limit, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
OCTOBER = 1_790_812_800.0
TOKEN = {"authorization": "Bearer secret"}
MONTH = Limit("month", "tenant:acme", "tokens", CalendarPeriod("month"), 1000)
MINUTE = Limit("minute", "tenant:acme", "tokens", 60, 500)
OTHER = Limit("month", "tenant:acme|model:chat", "requests", CalendarPeriod("month"), 10)


class Desk:
    """The endpoint over a real ledger: 300 tokens are used, and 90 held."""

    def __init__(self, root: Path) -> None:
        self.audit = root / "audit.db"
        self.ledger = EmbeddedLedger(root / "ledger.db", lambda: NOW)
        self.log = SqliteLog(self.audit)
        self.writer = AuditWriter(self.log, retention=60, clock=time.time)

    async def open(self) -> None:
        await self.writer.start()
        await self.ledger.start()
        account = Account("acme", "acme/ada", "chat", "1")
        for worst, used in ((300, 300), (90, None)):
            usage = Usage(worst)
            demand = Demand((MONTH, MINUTE, OTHER), usage, usage, usage)
            reservation = await self.ledger.reserve(account, demand, NOW)
            if used is not None:
                await self.ledger.settle(reservation, Usage(used), NOW)
        limits = LimitsEndpoint(self.ledger, ActionLog(self.log), lambda: NOW)
        app = Starlette(routes=[*map(TokenCheck("secret").route, limits.routes())])
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://admin", headers=TOKEN
        )

    async def close(self) -> None:
        await self.client.aclose()
        await self.ledger.close()
        await self.writer.close()
        self.log.close()

    async def show(self, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            await self.client.get("/limits", params={"key": key})
        ).json()["limits"]
        return found

    def actions(self) -> list[Action]:
        return list(actions(self.log))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    await made.open()
    yield made
    await made.close()


def numbers(found: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {
        (each["key"], each["name"]): (each["limit"], each["used"], each["reserved"])
        for each in found
    }


async def test_a_key_shows_how_its_limits_stand(desk: Desk) -> None:
    found = await desk.show("tenant:acme")

    assert numbers(found) == {
        ("tenant:acme", "month"): (1000, 300, 90),
        ("tenant:acme", "minute"): (500, 300, 90),
    }
    (month,) = [each for each in found if each["name"] == "month"]
    assert month["unit"] == "tokens"
    assert month["window"] == {
        "type": "calendar", "period": "month", "time_zone": "UTC", "anchor": 1
    }  # fmt: skip
    assert month["resets_at"] == OCTOBER


async def test_the_beginning_of_keys_shows_all_of_them(desk: Desk) -> None:
    assert numbers(await desk.show("tenant:acme|*")) == {
        ("tenant:acme|model:chat", "month"): (10, 2, 0)
    }
    assert len(await desk.show("tenant:*")) == 3
    assert len((await desk.client.get("/limits")).json()["limits"]) == 3
    assert await desk.show("tenant:nobody") == []


async def test_a_reset_forgets_what_is_booked_and_keeps_what_is_reserved(desk: Desk) -> None:
    answer = await desk.client.post("/limits/reset", json={"key": "tenant:acme", "user": "ada"})

    assert answer.status_code == 200
    assert numbers(answer.json()["before"])["tenant:acme", "month"] == (1000, 300, 90)
    assert numbers(answer.json()["after"])["tenant:acme", "month"] == (1000, 0, 90)
    assert numbers(await desk.show("tenant:acme|*")) == {
        ("tenant:acme|model:chat", "month"): (10, 2, 0)
    }


async def test_a_grant_lets_more_be_used(desk: Desk) -> None:
    order = {"key": "tenant:acme", "unit": "tokens", "amount": 120, "name": "month"}
    answer = await desk.client.post("/limits/grant", json=order)

    assert answer.status_code == 200
    assert numbers(answer.json()["after"]) == {
        ("tenant:acme", "month"): (1000, 180, 90),
        ("tenant:acme", "minute"): (500, 300, 90),
    }


async def test_every_change_is_in_the_audit_log(desk: Desk) -> None:
    order = {"key": "tenant:acme|model:chat", "unit": "requests", "amount": 1, "user": "ada"}
    await desk.client.post("/limits/grant", json=order)
    await desk.client.post("/limits/reset", json={"key": "tenant:acme"})

    grant, reset = desk.actions()

    assert (grant.kind, grant.subject, grant.user) == (
        "limits.grant", "tenant:acme|model:chat", "ada",
    )  # fmt: skip
    assert (grant.time, grant.credential) == (NOW, "admin token")
    assert grant.details == {"unit": "requests", "amount": 1, "name": None}
    assert grant.after is not None
    assert (grant.before[0]["used"], grant.after[0]["used"]) == (2, 1)
    assert (reset.kind, reset.user, len(reset.before)) == ("limits.reset", None, 2)


@pytest.mark.parametrize(
    ("path", "order", "status", "message"),
    [
        ("reset", {"key": "tenant:*"}, 400, "one whole key"),
        ("reset", {"key": "tenant:nobody"}, 404, "nothing is counted under tenant:nobody"),
        ("reset", {"key": ""}, 400, "length"),
        ("reset", {"key": "tenant:acme", "force": True}, 400, "unknown field"),
        ("grant", {"key": "tenant:acme", "unit": "tokens", "amount": 5}, 400, "minute, month"),
        ("grant", {"key": "tenant:acme", "unit": "cost", "amount": 5}, 400, "no cost"),
        ("grant", {"key": "tenant:acme", "unit": "tokens", "amount": 0}, 400, ">= 1"),
        ("grant", {"key": "tenant:acme", "unit": "apples", "amount": 1}, 400, "apples"),
        (
            "grant",
            {"key": "tenant:acme", "unit": "tokens", "amount": 1, "name": "year"},
            400,
            "by the limit year",
        ),
    ],
)
async def test_what_is_not_to_be_done_changes_nothing(
    desk: Desk, path: str, order: dict[str, object], status: int, message: str
) -> None:
    before = await desk.show("*")
    answer = await desk.client.post(f"/limits/{path}", json=order)

    assert answer.status_code == status
    assert message in answer.json()["error"]
    assert await desk.show("*") == before
    assert desk.actions() == []


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/reset"), ("POST", "/grant")])
async def test_it_takes_the_admin_token(desk: Desk, method: str, path: str) -> None:
    answer = await desk.client.request(
        method, f"/limits{path}", headers={"authorization": "Bearer wrong"}
    )

    assert answer.status_code == 401


async def test_what_can_not_be_audited_is_not_done(desk: Desk) -> None:
    desk.audit.unlink()
    before = await desk.show("*")
    answer = await desk.client.post("/limits/reset", json={"key": "tenant:acme"})

    assert answer.status_code == 503
    assert await desk.show("*") == before


async def test_a_ledger_that_is_closed_says_so(desk: Desk) -> None:
    await desk.ledger.close()

    assert (await desk.client.get("/limits")).status_code == 503
