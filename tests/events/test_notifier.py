"""A crossed threshold is logged, counted, and delivered to every webhook."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from extauth.events import Retry, Sender
from extauth.settings import Webhook
from extauth.types import Crossing
from extauth.types.pseudonyms import Pseudonyms
from tests.receiver import PATIENCE, Receiver

if TYPE_CHECKING:
    from collections.abc import Callable
from tests.events.told import ACCOUNT, AT_ONCE, NEVER_AGAIN, Told, crossing


async def test_an_event_is_one_line_of_the_log_and_counts(
    tell: Callable[..., Told], caplog: pytest.LogCaptureFixture
) -> None:
    told = tell()
    told.raised(50, 80, 80)
    first, *_ = [record for record in caplog.records if record.levelname == "WARNING"]
    line = json.loads(first.getMessage().split(": ", 1)[1])
    assert line["data"] == {
        "tenant": "acme",
        "limit": "tokens",
        "key": "tenant:acme",
        "unit": "tokens",
        "percent": 50,
        "used": 500,
        "max": 1000,
        "resets_at": None,
    }
    assert told.count("sluice_limit_events_total", limit="tokens", percent="50") == 1
    assert told.count("sluice_limit_events_total", limit="tokens", percent="80") == 2


async def test_a_webhook_receives_what_was_logged_signed(
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, receiver = tell(), receive()
    await told.events.serve([webhook(receiver)])
    told.raised(80)
    received = await receiver.arrival()
    assert received.verified()["data"]["percent"] == 80
    assert received.headers["content-type"] == "application/json"
    assert received.path == "/hooks/T0P"
    assert f"event {received.id}: {received.body.decode()}" in caplog.messages
    await told.settled()
    assert told.outcomes(receiver) == {"delivered": 1}


async def test_every_webhook_receives_the_same_event(
    tell: Callable[..., Told], receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, one, other = tell(), receive(), receive()
    await told.events.serve([webhook(one), webhook(other)])
    told.raised(80)
    assert (await one.arrival()).id == (await other.arrival()).id


async def test_the_counters_of_a_webhook_begin_at_0(
    receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, receiver = Told(), receive()
    await told.events.serve([webhook(receiver)])
    labels = f'outcome="dropped",webhook="{receiver.address}"'
    scrape = generate_latest(told.metrics).decode()
    assert f"sluice_webhook_deliveries_total{{{labels}}} 0.0" in scrape
    await told.events.close()


async def test_what_failed_is_tried_again_as_the_same_event_signed_anew(
    receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    # Every attempt is a minute after the one before.
    moments = iter(datetime.now(UTC) + timedelta(minutes=minute) for minute in range(4))
    receiver = receive(500, 429, 404)
    told = Told(sender=Sender(lambda: next(moments).timestamp()))
    await told.events.serve([webhook(receiver)])
    told.raised(80)
    attempts = [await receiver.arrival() for _ in range(4)]
    assert len({attempt.id for attempt in attempts}) == 1
    assert len({attempt.headers["webhook-timestamp"] for attempt in attempts}) == 4
    assert all(attempt.verified() for attempt in attempts)
    await told.settled()
    assert told.outcomes(receiver) == {"failed": 3, "delivered": 1}
    await told.events.close()


async def test_after_so_many_attempts_it_is_dropped_and_said(
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, receiver = tell(), receive(*[503] * 4)
    await told.events.serve([webhook(receiver)])
    told.raised(80)
    await told.settled()
    assert receiver.received.qsize() == AT_ONCE.attempts
    assert told.outcomes(receiver) == {"failed": 3, "dropped": 1}
    event = receiver.next().id
    assert caplog.messages[-1] == (
        f"webhook {receiver.address}: event {event} is dropped: answered 503 (attempt 4)"
    )


async def test_what_has_to_wait_does_not_hold_up_what_comes_later(
    tell: Callable[..., Told], receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, receiver = tell(retry=NEVER_AGAIN), receive(500)
    await told.events.serve([webhook(receiver)])
    told.raised(50, 80)
    percents = [(await receiver.arrival()).verified()["data"]["percent"] for _ in range(2)]
    assert percents == [50, 80]


async def test_a_webhook_that_does_not_answer_holds_up_no_other_and_nobody(
    tell: Callable[..., Told], receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, silent, lively = tell(), receive(), receive()
    silent.open.clear()
    await told.events.serve([webhook(silent), webhook(lively)])
    told.raised(*[80] * 20)
    # All of them were raised before any was sent: nothing here waited.
    assert told.events.waiting == 40
    ids = {(await lively.arrival()).id for _ in range(20)}
    assert len(ids) == 20
    assert silent.received.qsize() == 1
    assert told.outcomes(silent) == {}


async def test_only_so_many_wait(
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, receiver = tell(room=3), receive()
    receiver.open.clear()
    await told.events.serve([webhook(receiver)])
    told.raised(*[80] * 5)
    assert told.events.waiting == 3
    assert told.outcomes(receiver) == {"dropped": 2}
    assert caplog.messages[-1].endswith("is dropped: 3 others wait already")
    # The log and the metric have them all.
    assert told.count("sluice_limit_events_total", limit="tokens", percent="80") == 5
    receiver.open.set()
    await told.settled()
    assert told.outcomes(receiver) == {"delivered": 3, "dropped": 2}


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, {"acme/tokens", "acme/cost", "bolt/tokens", "bolt/cost"}),
        ({"tenants": ("acme",)}, {"acme/tokens", "acme/cost"}),
        ({"limits": ("cost", "slots")}, {"acme/cost", "bolt/cost"}),
        ({"tenants": ("bolt",), "limits": ("tokens",)}, {"bolt/tokens"}),
        ({"tenants": ("nobody",)}, set()),
    ],
)
async def test_a_webhook_is_told_what_it_is_about(
    filters: dict[str, tuple[str, ...]],
    wanted: set[str],
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
) -> None:
    told, receiver = tell(), receive()
    await told.events.serve([webhook(receiver, **filters)])
    for tenant in ("acme", "bolt"):
        for name in ("tokens", "cost"):
            told.raised(80, tenant=tenant, name=name)
    await told.settled()
    seen = [receiver.next().verified()["data"] for _ in range(receiver.received.qsize())]
    assert sorted(f"{data['tenant']}/{data['limit']}" for data in seen) == sorted(wanted)


async def test_whatever_happens_nothing_is_raised(
    tell: Callable[..., Told], caplog: pytest.LogCaptureFixture
) -> None:
    limit = crossing().limit
    # No calendar has this moment.
    tell().events.raised(Crossing(limit, 80, 800, 1e300), ACCOUNT)
    assert caplog.messages == ["an event of limit tokens could not be told"]

    tell(clock=lambda: 1e300).events.stepped(1e300)
    assert caplog.messages[1:] == ["an event of the clock could not be told"]


async def test_what_waits_is_delivered_without_who_was_erased_meanwhile(
    receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, receiver = Told(retry=NEVER_AGAIN), receive(500)
    await told.events.serve([webhook(receiver)])
    told.raised(80)
    first = await receiver.arrival()

    told.events.rename(Pseudonyms({"tenant:acme": "tenant:erased"}))
    await told.events.close()

    second = await receiver.arrival()
    assert second.id == first.id
    assert second.verified()["data"]["key"] == "tenant:erased"


async def test_on_a_stop_what_waits_is_tried_once_more(
    tell: Callable[..., Told], receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, receiver = tell(retry=NEVER_AGAIN), receive(500)
    await told.events.serve([webhook(receiver)])
    told.raised(50)
    failed = await receiver.arrival()
    told.raised(80)
    await told.events.close(grace=PATIENCE)
    assert {receiver.next().id for _ in range(2)} > {failed.id}
    assert told.outcomes(receiver) == {"failed": 1, "delivered": 2}


async def test_on_a_stop_nothing_is_tried_twice(
    tell: Callable[..., Told], receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, receiver = tell(), receive(*[500] * 2)
    await told.events.serve([webhook(receiver)])
    told.raised(50, 80)
    await told.events.close(grace=PATIENCE)
    assert told.outcomes(receiver) == {"dropped": 2}


async def test_a_stop_waits_for_nobody_longer_than_its_grace(
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, receiver = tell(), receive()
    receiver.open.clear()
    await told.events.serve([webhook(receiver)])
    told.raised(50, 80, 100)
    await receiver.arrival()
    before = time.monotonic()
    await told.events.close(grace=0.05)
    assert time.monotonic() - before < PATIENCE / 2
    assert caplog.records[-1].levelname == "WARNING"
    assert caplog.messages[-1] == (
        f"webhook {receiver.address}: 3 events were not delivered: stopping"
    )


async def test_after_a_stop_events_are_logged_alone(
    tell: Callable[..., Told], receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, receiver = tell(), receive()
    await told.events.serve([webhook(receiver)])
    await told.events.close()
    told.raised(80)
    assert told.events.waiting == 0
    assert told.count("sluice_limit_events_total", limit="tokens", percent="80") == 1


async def test_another_configuration_loses_nothing_that_was_raised_before(
    tell: Callable[..., Told], receive: Callable[..., Receiver], webhook: Callable[..., Webhook]
) -> None:
    told, kept, gone, fresh = tell(), receive(), receive(), receive()
    for receiver in (kept, gone):
        receiver.open.clear()
    await told.events.serve([webhook(kept), webhook(gone)])
    told.raised(50)
    await told.events.serve([webhook(kept), webhook(fresh)])
    told.raised(80)
    for receiver in (kept, gone):
        receiver.open.set()
    await told.settled()
    assert [told.outcomes(one)["delivered"] for one in (kept, gone, fresh)] == [2, 1, 1]


@given(
    first=st.floats(0.01, 10),
    longest=st.floats(10, 1000),
    failures=st.integers(1, 200),
)
def test_pauses_double_up_to_the_longest(first: float, longest: float, failures: int) -> None:
    pause = Retry(first=first, longest=longest).pause(failures)
    most = min(longest, first * 2 ** (failures - 1))
    assert most / 2 <= pause <= most


async def test_a_clock_that_was_set_is_told_to_those_who_asked_for_everything(
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, everything, tenants, limits = tell(), receive(), receive(), receive()
    await told.events.serve(
        [
            webhook(everything),
            webhook(tenants, tenants=("acme",)),
            webhook(limits, limits=("tokens",)),
        ]
    )
    told.events.stepped(-12_000.5)
    received = await everything.arrival()
    assert received.verified()["type"] == "clock.stepped"
    assert received.verified()["data"] == {"seconds": -12_000.5}
    assert f"event {received.id}: {received.body.decode()}" in caplog.messages
    await told.settled()
    assert told.outcomes(tenants) == told.outcomes(limits) == {}
