"""The body of a webhook."""

from __future__ import annotations

import json
from typing import get_args, get_type_hints

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.events import CrossedThreshold, Event, SteppedClock, WebhookMessage
from extauth.storage.resources import schema
from extauth.types import Account, Crossing, Lifetime, Limit, Unit

SCHEMA = json.loads(schema("event").read_text())
ACCOUNT = Account(tenant="acme", principal="acme/ada", model="chat", version="1")


def crossing(**changes: object) -> Crossing:
    limit = Limit("tokens", "tenant:acme", "tokens", Lifetime(), 1000, warn_at=(80,))
    return msgspec.structs.replace(Crossing(limit, 80, 801, None), **changes)


def test_it_tells_whose_limit_how_far_and_until_when() -> None:
    event = Event.of(crossing(resets_at=1_790_035_200.0), ACCOUNT, 1_790_000_000.25)
    assert json.loads(WebhookMessage.of(event).body) == {
        "type": "limit.threshold_crossed",
        "timestamp": "2026-09-21T14:13:20.250000Z",
        "data": {
            "tenant": "acme",
            "limit": "tokens",
            "key": "tenant:acme",
            "unit": "tokens",
            "percent": 80,
            "used": 801,
            "max": 1000,
            "resets_at": "2026-09-22T00:00:00Z",
        },
    }


@given(
    unit=st.sampled_from(get_args(Unit)),
    percent=st.integers(1, 100),
    used=st.integers(0, 2**62),
    resets_at=st.none() | st.floats(0, 2**33),
    name=st.text(),
)
def test_every_event_fits_the_schema(
    unit: Unit, percent: int, used: int, resets_at: float | None, name: str
) -> None:
    limit = Limit(name, name, unit, Lifetime(), used)
    account = Account(tenant=name, principal=name, model=name, version="1")
    event = Event.of(Crossing(limit, percent, used, resets_at), account, 1_790_000_000.0)
    body = WebhookMessage.of(event).body
    jsonschema.validate(json.loads(body), SCHEMA)
    # A log of it stays one line, whatever a tenant calls itself.
    assert not {"\n", "\r", "\x1b"} & set(body.decode())


def test_the_schema_has_the_fields_of_the_event_and_no_others() -> None:
    assert set(SCHEMA["properties"]) == set(Event.__struct_fields__)
    assert SCHEMA["properties"]["type"]["enum"] == list(get_args(get_type_hints(Event)["type"]))
    for name, kind in (("crossed_threshold", CrossedThreshold), ("stepped_clock", SteppedClock)):
        data = SCHEMA["$defs"][name]
        assert set(data["properties"]) == set(data["required"]) == set(kind.__struct_fields__)
    units = SCHEMA["$defs"]["crossed_threshold"]["properties"]["unit"]["enum"]
    assert units == list(get_args(Unit))


@given(st.floats(-4e9, 4e9))
def test_a_clock_that_was_set_is_an_event_of_nobodys(step: float) -> None:
    message = WebhookMessage.of(Event.stepped(step, 1_790_000_000.25))

    body = json.loads(message.body)
    jsonschema.validate(body, SCHEMA)
    assert body == {
        "type": "clock.stepped",
        "timestamp": "2026-09-21T14:13:20.250000Z",
        "data": {"seconds": step},
    }
    assert (message.tenant, message.limit) == (None, None)


@pytest.mark.parametrize("kind", ["limit.threshold_crossed", "clock.stepped"])
def test_the_facts_of_one_event_do_not_fit_another(kind: str) -> None:
    bodies = (
        WebhookMessage.of(Event.of(crossing(), ACCOUNT, 0.0)).body,
        WebhookMessage.of(Event.stepped(-5.0, 0.0)).body,
    )
    fits = [jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(each)) for each in bodies]
    assert fits == [True, True]
    of_one_kind = [json.loads(each) | {"type": kind} for each in bodies]
    assert sum(jsonschema.Draft202012Validator(SCHEMA).is_valid(each) for each in of_one_kind) == 1


def test_two_messages_never_share_an_id() -> None:
    event = Event.of(crossing(), ACCOUNT, 0.0)
    assert WebhookMessage.of(event).id != WebhookMessage.of(event).id
