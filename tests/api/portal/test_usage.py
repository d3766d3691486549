"""`GET /v1/usage`: a principal's own, and never another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.ledger import Demand
from extauth.types import Account, CalendarPeriod, Lifetime, Limit, Principal, Usage
from tests.gateway.served import NOW

from .test_application import ADA, BOB, get, ticket

if TYPE_CHECKING:
    from tests.gateway.served import Served

DAY = 86_400


async def use(
    served: Served, principal: Principal, *limits: Limit, model: str = "chat", later: int = 0
) -> None:
    """One request of 10 and 5 tokens, some days later."""
    used = Usage(10, 5, 250, 1500)
    account = Account(principal.tenant, principal.id, model, "1")
    time = NOW + later * DAY
    reservation = await served.ledger.reserve(account, Demand(limits, used, used, used), time)
    await served.ledger.settle(reservation, used, time)


async def test_the_last_days_by_model_and_their_sum(served: Served) -> None:
    for later, model in ((0, "chat"), (1, "chat"), (2, "embed"), (30, "chat"), (30, "chat")):
        await use(served, ADA, model=model, later=later)

    answer = await get(served, "/v1/usage", ticket(ADA), lambda: NOW + 30 * DAY)
    told = answer.json()

    assert told["object"] == "usage"
    assert (told["principal"], told["since"], told["until"]) == (
        "acme/ada", "2026-09-22", "2026-10-21",
    )  # fmt: skip
    assert [(row["day"], row["model"], row["requests"]) for row in told["data"]] == [
        ("2026-09-22", "chat", 1),
        ("2026-09-23", "embed", 1),
        ("2026-10-21", "chat", 2),
    ]
    assert told["total"] == {
        "requests": 4,
        "prompt_tokens": 40,
        "completion_tokens": 20,
        "total_tokens": 60,
        "cost": 1000,
        "compute_seconds": 6.0,
        "unsettled": 0,
    }


async def test_nobody_sees_anothers(served: Served) -> None:
    for tenant, name in (("acme", "ada"), ("acme", "ada2"), ("acme", "ben"), ("globex", "ada")):
        other = Principal(f"{tenant}/{name}", "jwt", tenant, "premium")
        await use(served, other, Limit("own", f"principal:{other.id}", "requests", 60, 9))

    told = (await get(served, "/v1/usage", ticket(ADA))).json()

    assert told["total"]["requests"] == 1
    assert [limit["used"] for limit in told["limits"]] == [1]
    assert (await get(served, "/v1/usage", ticket(BOB))).json()["total"]["requests"] == 0


async def test_who_is_named_as_a_key_of_several_facts_sees_its_own_limits(served: Served) -> None:
    odd = Principal("acme/ada|model:chat", "jwt", "acme", "free")
    await use(served, ADA, Limit("pair", "principal:acme/ada|model:chat", "requests", 60, 9))
    await use(served, odd, Limit("own", "principal:acme/ada||model:chat", "requests", 60, 7))

    told = (await get(served, "/v1/usage", ticket(odd))).json()

    assert [limit["limit"] for limit in told["limits"]] == [7]


@pytest.mark.parametrize("name", ["acme/*", "*", "acme/ada*", "acme/ada|", "acme/%", "acme/_da"])
async def test_a_name_is_no_pattern(served: Served, name: str) -> None:
    """The issuer of a JWT may give any name."""
    await use(served, ADA, Limit("own", f"principal:{ADA.id}", "requests", 60, 9))

    told = (await get(served, "/v1/usage", ticket(Principal(name, "jwt", "acme", "free")))).json()

    assert told["data"] == told["limits"] == []


async def test_it_tells_how_the_principals_limits_stand(served: Served) -> None:
    key, month = f"principal:{ADA.id}", CalendarPeriod("month")
    await use(
        served,
        ADA,
        Limit("tokens", key, "tokens", month, 100),
        Limit("all", key, "requests", Lifetime(), 1),
        Limit("tenant", "tenant:acme", "tokens", 60, 1000),
    )

    limits = (await get(served, "/v1/usage", ticket(ADA))).json()["limits"]

    assert sorted(limits, key=lambda limit: str(limit["name"])) == [
        {
            "name": "all",
            "unit": "requests",
            "window": {"type": "lifetime"},
            "limit": 1,
            "used": 1,
            "reserved": 0,
            "remaining": 0,
            "resets_at": None,
        },
        {
            "name": "tokens",
            "unit": "tokens",
            "window": {"type": "calendar", "period": "month", "time_zone": "UTC", "anchor": 1},
            "limit": 100,
            "used": 15,
            "reserved": 0,
            "remaining": 85,
            "resets_at": 1_790_812_800.0,
        },
    ]


async def test_what_is_reserved_does_not_remain(served: Served) -> None:
    limit = Limit("tokens", f"principal:{ADA.id}", "tokens", 60, 100)
    await use(served, ADA, limit)
    account, worst = Account(ADA.tenant, ADA.id, "chat", "1"), Usage(20, 20)
    await served.ledger.reserve(account, Demand((limit,), worst, worst, worst), NOW)

    (told,) = (await get(served, "/v1/usage", ticket(ADA))).json()["limits"]

    assert (told["used"], told["reserved"], told["remaining"]) == (15, 40, 45)


async def test_without_the_ledger_it_is_told_that_there_is_none(served: Served) -> None:
    (served.root / "ledger.db").unlink()

    answer = await get(served, "/v1/usage", ticket(ADA))

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_unavailable")
    assert str(served.root) not in answer.text
