"""Load and behaviour as a request sees them, and what it leaves behind for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.audit import Outcome
from extauth.errors import BackendError, Forbidden
from extauth.facts.load import LoadMonitor
from extauth.gateway.admission import admit
from extauth.settings import Backend
from extauth.types import BehaviourFacts, LoadFacts, Usage
from tests.facts.load.triton import printed
from tests.gateway.pipeline import CHAT, ROUTE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.gateway.transaction import Transaction
    from extauth.types import Facts
    from tests.facts.load.conftest import Server
    from tests.gateway.pipeline import Pipeline

ENDINGS: dict[str, Callable[[Transaction], Awaitable[None]]] = {
    "served": lambda transaction: transaction.close(Outcome.SERVED, status=200),
    "failed": lambda transaction: transaction.refuse(BackendError("The model failed.")),
    "disconnected": lambda transaction: transaction.disconnected(),
}


@pytest.fixture(autouse=True)
async def monitor(pipeline: Pipeline, server: Server) -> None:
    """It has read once, of a server where six requests wait for `chat`."""
    server.text = printed(pending=5)
    backend = Backend("triton", "triton", "triton", "cpu", "eu-west", metrics_url=server.url)
    pipeline.load = LoadMonitor(lambda: {"triton": backend}, lambda: 100.0)
    await pipeline.load.poll()
    await pipeline.load.close()


async def seen(pipeline: Pipeline, who: str = "ada", **changes: object) -> Facts:
    """The facts of one more request, which is then given up."""
    transaction, _ = await pipeline.dispatch({**CHAT, **changes}, pipeline.head(who=who))
    await transaction.disconnected()
    assert transaction.facts is not None
    return transaction.facts


async def test_a_request_sees_the_load_of_its_model(pipeline: Pipeline) -> None:
    facts = await seen(pipeline)
    assert facts.load == LoadFacts(pending=6, queue_ms=None, in_flight=0, gpu=None, age=0.0)


@pytest.mark.parametrize("usage", [None, Usage(5, 7)], ids=["given back", "charged"])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_request_is_in_flight_until_it_ends(
    pipeline: Pipeline, ending: str, usage: Usage | None
) -> None:
    transaction, _ = await pipeline.dispatch()
    during = await seen(pipeline)
    transaction.usage = usage
    await ENDINGS[ending](transaction)
    await transaction.disconnected()
    after = await seen(pipeline)
    assert during.load is not None
    assert after.load is not None
    assert (during.load.in_flight, after.load.in_flight) == (1, 0)


async def test_it_is_in_flight_where_it_was_sent(
    pipeline: Pipeline, decide: Callable[..., Awaitable[None]]
) -> None:
    """Not where it was meant to go."""
    await decide(inference={"allow": True, "route": {**ROUTE, "model": "echo"}})
    await pipeline.dispatch()
    facts = await seen(pipeline)
    assert facts.load is not None
    assert facts.load.in_flight == 0


async def test_what_was_not_sent_is_not_in_flight(
    pipeline: Pipeline, decide: Callable[..., Awaitable[None]]
) -> None:
    await decide(inference={"allow": False, "reasons": [{"rule": "no", "message": "No."}]})
    with pytest.raises(Forbidden):
        await pipeline.dispatch()
    await decide(inference={"allow": True, "route": ROUTE})
    facts = await seen(pipeline)
    assert facts.load is not None
    assert facts.load.in_flight == 0


async def test_admission_sees_neither(pipeline: Pipeline) -> None:
    """Its decisions are remembered by their input, which must not differ each time."""
    head = pipeline.head("/v1/models", method="GET", headers={})
    listing = pipeline.begin(head)
    await admit(listing)
    assert listing.facts is not None
    assert (listing.facts.load, listing.facts.behaviour) == (None, None)
    await listing.disconnected()


async def test_a_request_sees_how_earlier_ones_of_its_principal_ended(pipeline: Pipeline) -> None:
    assert (await seen(pipeline)).behaviour == BehaviourFacts()
    transaction = pipeline.begin()
    await admit(transaction)
    await transaction.refuse(Forbidden("No."))
    transaction, _ = await pipeline.dispatch()
    await transaction.refuse(BackendError("The model failed."))
    assert (await seen(pipeline)).behaviour == BehaviourFacts(requests=3, denied=1, failed=1)
    assert (await seen(pipeline, who="bob")).behaviour == BehaviourFacts()
