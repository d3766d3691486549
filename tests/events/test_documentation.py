"""docs/events.md agrees with the code."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from extauth.events import Secret
from extauth.storage.resources import schema
from tests.events.conftest import REPOSITORY
from tests.receiver import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = (REPOSITORY / "docs/events.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def verify() -> Callable[..., bool]:
    """The function that readers copy from the page."""
    scope: dict[str, Any] = {}
    (example,) = blocks("python")
    exec(example, scope)  # noqa: S102 - it is ours
    return scope["verify"]


def headers(body: bytes, at: int) -> dict[str, str]:
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": Secret.parse(SECRET).sign("evt_1", at, body),
    }


def test_the_example_verifies_what_is_sent(verify: Callable[..., bool]) -> None:
    body, now = b'{"type":"limit.threshold_crossed"}', int(time.time())
    sent = headers(body, now)
    assert verify(SECRET, sent, body)
    assert not verify(SECRET, sent, body + b" ")
    assert not verify(SECRET.replace("A", "B"), sent, body)
    assert not verify(SECRET, {**sent, "webhook-id": "evt_2"}, body)
    assert not verify(SECRET, headers(body, now - 600), body)


def test_there_is_an_example_of_each_event_which_fits_the_schema() -> None:
    wanted, bodies = json.loads(schema("event").read_text()), list(map(json.loads, blocks("jsonc")))
    for body in bodies:
        jsonschema.validate(body, wanted)
    assert [body["type"] for body in bodies] == wanted["properties"]["type"]["enum"]
