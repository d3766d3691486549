"""How long a request may wait in line before it is reserved."""

from __future__ import annotations

import pytest

from extauth.reserving import _bounded
from extauth.settings import Limits
from extauth.types import Lifetime, Limit, Queue

REQUESTS = Limit("requests", "tenant:acme", "requests", 60, 10)


def slots(max_wait: float) -> Limit:
    queue = Queue(max_waiting=7, max_wait=max_wait, priority="batch", share=3)
    return Limit("slots", "pool:shared", "slots", Lifetime(), 1, "queue", queue)


def envoy(*, request: float, idle: float) -> Limits:
    return Limits(1, 1, 1, request_timeout=request, stream_idle_timeout=idle, json_depth=1)


@pytest.mark.parametrize(
    ("request_timeout", "idle", "waits"), [(60, 60, 50), (20, 60, 18), (60, 30, 27), (60, 2000, 50)]
)
def test_nobody_waits_for_longer_than_envoy_does(
    request_timeout: float, idle: float, waits: float
) -> None:
    bounded = _bounded((REQUESTS, slots(50)), envoy(request=request_timeout, idle=idle))
    assert bounded == (REQUESTS, slots(waits))
