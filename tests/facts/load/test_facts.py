"""Load and behaviour in a request's facts, and a request's effect on those of the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.audit import Outcome
from extauth.errors import BackendError, Forbidden
from extauth.facts.load import LoadMonitor
from extauth.settings import BackendSettings
from extauth.types import BehaviourFacts, LoadFacts, Usage
from tests.facts.load.triton import printed
from tests.gateway.served import CHAT, ROUTE, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.gateway.transaction import Transaction
    from extauth.types import Facts
    from tests.facts.load.conftest import Server
    from tests.gateway.served import Served

ENDINGS: dict[str, Callable[[Transaction], Awaitable[None]]] = {
    "served": lambda transaction: transaction.close(Outcome.SERVED, status=200),
    "failed": lambda transaction: transaction.refuse(BackendError("The model failed.")),
    "disconnected": lambda transaction: transaction.disconnected(),
}


@pytest.fixture(autouse=True)
async def monitor(served: Served, server: Server) -> None:
    """A monitor that has read a server once, where six requests wait for `chat`."""
    server.text = printed(pending=5)
    backend = BackendSettings(
        "triton", "triton", "triton", "cpu", "eu-west", metrics_url=server.url
    )
    load = served.books.load = LoadMonitor(lambda: {"triton": backend}, lambda: 100.0)
    await load.poll()
    await load.close()


async def seen(served: Served, who: str = "ada", **changes: object) -> Facts:
    """Return the facts of another request, which is then abandoned."""
    transaction, _ = await served.dispatch({**CHAT, **changes}, served.head(who=who))
    await transaction.disconnected()
    assert transaction.entry.facts is not None
    return transaction.entry.facts


async def test_a_request_sees_the_load_of_its_model(served: Served) -> None:
    facts = await seen(served)
    assert facts.load == LoadFacts(pending=6, queue_ms=None, in_flight=0, gpu=None, age=0.0)


@pytest.mark.parametrize("usage", [None, Usage(5, 7)], ids=["given back", "charged"])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_request_is_in_flight_until_it_ends(
    served: Served, ending: str, usage: Usage | None
) -> None:
    transaction, _ = await served.dispatch()
    during = await seen(served)
    transaction.usage = usage
    await ENDINGS[ending](transaction)
    await transaction.disconnected()
    after = await seen(served)
    assert during.load is not None
    assert after.load is not None
    assert (during.load.in_flight, after.load.in_flight) == (1, 0)


async def test_it_is_in_flight_where_it_was_sent(
    served: Served, decide: Callable[..., Awaitable[None]]
) -> None:
    """Not at the model that the client asked for."""
    await decide(inference={"allow": True, "route": {**ROUTE, "model": "echo"}, "obligations": []})
    await served.dispatch()
    facts = await seen(served)
    assert facts.load is not None
    assert facts.load.in_flight == 0


async def test_what_was_not_sent_is_not_in_flight(
    served: Served, decide: Callable[..., Awaitable[None]]
) -> None:
    await decide(inference={"allow": False, "reasons": [{"rule": "no", "message": "No."}]})
    with pytest.raises(Refused):
        await served.dispatch()
    await decide(inference={"allow": True, "route": ROUTE, "obligations": []})
    facts = await seen(served)
    assert facts.load is not None
    assert facts.load.in_flight == 0


async def test_admission_sees_neither(served: Served) -> None:
    """Its decisions are remembered by their input, which must not differ each time."""
    head = served.head("/v1/models", method="GET", headers={})
    await served.gateway.look_up(head)
    facts = (await served.record()).facts
    assert facts is not None
    assert (facts.load, facts.behaviour) == (None, None)


async def test_a_request_sees_how_earlier_ones_of_its_principal_ended(served: Served) -> None:
    assert (await seen(served)).behaviour == BehaviourFacts()
    request = await served.admit()
    await request.transaction.refuse(Forbidden("No."))
    transaction, _ = await served.dispatch()
    await transaction.refuse(BackendError("The model failed."))
    assert (await seen(served)).behaviour == BehaviourFacts(requests=3, denied=1, failed=1)
    assert (await seen(served, who="bob")).behaviour == BehaviourFacts()
