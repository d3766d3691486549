"""`/erasure`: the ledger goes on under other names, and the processes forget the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from extauth.api.admin import ErasureEndpoint, TokenCheck
from extauth.errors import StackError
from extauth.ledger import EmbeddedLedger
from extauth.types import Limit
from tests.ledger.contract import ADA, demand, usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

NOW = 1_790_000_000.0
TOKEN = "secret"
NAMES = {"acme/ada": "acme/erased-1"}
LIMIT = Limit("mine", "principal:acme/ada", "tokens", 60, 1000)


class Desk:
    """The endpoint over a real ledger in which ten tokens are used."""

    def __init__(self, root: Path) -> None:
        self.ledger = EmbeddedLedger(root / "ledger.db", lambda: NOW)
        self.forgotten: list[Mapping[str, str]] = []
        self.silent = False
        erasure = ErasureEndpoint(self.ledger, self.forget, lambda: NOW)
        app = Starlette(routes=[*map(TokenCheck(TOKEN).route, erasure.routes())])
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://admin"
        )

    async def forget(self, names: Mapping[str, str]) -> None:
        if self.silent:
            raise StackError("worker 1 does not answer")
        self.forgotten.append(names)

    async def order(self, body: object, token: str = TOKEN) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.client.post("/erasure", json=body, headers=headers)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    await made.ledger.start()
    held = await made.ledger.reserve(ADA, demand(LIMIT, worst=10), NOW)
    await made.ledger.settle(held, usage(10), NOW)
    yield made
    await made.client.aclose()
    await made.ledger.close()


async def test_an_order_is_carried_out_everywhere(desk: Desk) -> None:
    answer = await desk.order({"names": NAMES})

    # A counter, and a line of the report.
    assert (answer.status_code, answer.json()) == (200, {"rows": 2, "left": 0})
    assert desk.forgotten == [NAMES]
    (standing,) = await desk.ledger.standing("*", NOW)
    assert (standing.counter.key, standing.used) == ("principal:acme/erased-1", 10)


async def test_what_a_process_did_not_do_is_told(desk: Desk) -> None:
    desk.silent = True

    answer = await desk.order({"names": NAMES})

    assert (answer.status_code, answer.json()) == (503, {"error": "worker 1 does not answer"})


@pytest.mark.parametrize(
    "body", [{}, {"names": {}}, {"names": {"a": "b"}}, {"names": NAMES, "x": 1}]
)
async def test_what_orders_nothing_is_refused(desk: Desk, body: object) -> None:
    assert (await desk.order(body)).status_code == 400
    assert not desk.forgotten


async def test_only_operators_are_let_in(desk: Desk) -> None:
    assert (await desk.order({"names": NAMES}, token="wrong")).status_code == 401
