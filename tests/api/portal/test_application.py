"""The models that a principal may use, and its own usage; nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from extauth.api.portal import create_portal
from extauth.gateway.lookup import Ticket
from extauth.settings import LedgerSettings
from extauth.types import Principal
from extauth.types.headers import PRINCIPAL
from extauth.usage import LineSource, UsageBooks
from tests.gateway.served import now

if TYPE_CHECKING:
    from extauth.types import Clock
    from tests.gateway.served import Served

ADA = Principal("acme/ada", "api_key", "acme", "premium", ("developer",), "eu-west")
BOB = Principal("globex/bob", "api_key", "globex", "free", ("viewer",), "us-east")


async def get(served: Served, path: str, ticket: str | None, clock: Clock = now) -> httpx.Response:
    """Ask the portal as Envoy does."""
    source = LineSource(LedgerSettings(), served.root / "ledger.db")
    books = UsageBooks(source, served.root / "active", clock)
    portal = create_portal(lambda: served.runtime, clock, books, served.ledger)
    headers = {} if ticket is None else {PRINCIPAL: ticket}
    transport = httpx.ASGITransport(app=portal)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
        return await client.get(path, headers=headers)


def ticket(principal: Principal) -> str:
    """What ext_authz hands over."""
    return Ticket(principal, "192.0.2.7").encode()


async def test_a_developer_sees_every_model_with_its_aliases_and_versions(
    served: Served,
) -> None:
    listed = (await get(served, "/v1/models", ticket(ADA))).json()
    assert listed["object"] == "list"
    names = [model["id"] for model in listed["data"]]
    assert names[:5] == ["chat", "chat@next", "chat@stable", "chat@1", "chat@2"]
    assert {"echo", "embed"} <= set(names)


async def test_a_viewer_sees_what_it_may_use(served: Served) -> None:
    listed = (await get(served, "/v1/models", ticket(BOB))).json()
    assert [model["id"] for model in listed["data"]] == ["chat", "chat@stable"]


async def test_a_model_is_retrieved_by_its_name(served: Served) -> None:
    answer = await get(served, "/v1/models/chat%40stable", ticket(BOB))
    assert (answer.status_code, answer.json()["id"]) == (200, "chat@stable")


async def test_a_forbidden_model_and_a_missing_one_look_the_same(served: Served) -> None:
    answers = [await get(served, f"/v1/models/{name}", ticket(BOB)) for name in ("echo", "nope")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace("echo", "nope") == answers[1].text


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/chat", "/v1/usage"])
@pytest.mark.parametrize("forged", [None, "", "admin", "e30=", "eyJwcmluY2lwYWwiOiJhZG1pbiJ9"])
async def test_without_a_ticket_nothing_is_told(
    served: Served, path: str, forged: str | None
) -> None:
    answer = await get(served, path, forged)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_a_ticket_may_hold_any_character(served: Served) -> None:
    original = Ticket(
        Principal("a/\u00fc\n", "jwt", "a", "free", attributes={"x": "\U0001f511"}), "::1"
    )
    assert Ticket.decode(original.encode()) == original
    assert original.encode().isascii()
