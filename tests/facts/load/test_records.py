"""Recorded load and behaviour: replayed as they were seen, and missing from older records."""

from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest

from extauth.assurance.replay.recorded import read
from extauth.audit import AuditRecord, Outcome
from extauth.storage.resources import schema
from tests.policy.facts import CHAT

RECORD = msgspec.json.encode(
    AuditRecord(
        request_id="r1",
        time=1_790_000_000.0,
        snapshot="0" * 32,
        engine="wasm",
        source=CHAT.source.ip,
        outcome=Outcome.SERVED,
        status=200,
        facts=CHAT,
    )
)


def test_what_was_seen_is_asked_again() -> None:
    facts = read(RECORD).facts
    assert facts is not None
    assert (facts.load, facts.behaviour) == (CHAT.load, CHAT.behaviour)
    assert facts.load is not None


@pytest.mark.parametrize("fact", ["load", "behaviour"])
def test_an_older_record_is_still_read(fact: str) -> None:
    older = json.loads(RECORD)
    del older["facts"][fact]
    facts = read(json.dumps(older).encode()).facts
    assert facts is not None
    assert getattr(facts, fact) is None
    jsonschema.validate(older["facts"], json.loads(schema("input").read_text()))
    jsonschema.validate(older, json.loads(schema("audit").read_text()))
