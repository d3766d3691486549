"""Stacks whose tenants have limits of their own, and what people see of these."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2 as httpx

from tests.e2e.stack import PROMPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 4}
LONG = [{"role": "user", "content": "one two three four five six seven eight " * 400}]
ENDLESS = {"model": "echo", "messages": LONG, "stream": True, "n": 16}
LIFETIME = {"type": "lifetime"}


def limit_tenants(site: Site, tenants: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Give tenants limits of their own, `of` the tenant unless they say otherwise."""

    def change(data: dict[str, Any]) -> None:
        data["limits"]["tenants"] = {
            tenant: [{"name": f"{tenant}-limit", "of": ["tenant"], **limit} for limit in limits]
            for tenant, limits in tenants.items()
        }

    site.change_data("limits", change)


def client_of(
    stack: Stack, tenant: str, name: str = "one", *, tier: str = "internal"
) -> httpx.Client:
    """A client with a new key of the tenant's."""
    return stack.http(key=stack.create_key(name, tenant, tier, "developer", region="eu-west"))


def standing(stack: Stack, tenant: str) -> dict[str, Any]:
    """What `sluice limits show` says of the tenant's one limit."""
    (found,) = [
        each
        for each in stack.json("limits", "show", f"tenant:{tenant}")["limits"]
        if each["name"] == f"{tenant}-limit"
    ]
    return dict(found)


def waiting(stack: Stack) -> int:
    """How many requests wait in line."""
    lines = [line for line in stack.metrics().splitlines() if line.startswith("sluice_waiting")]
    return int(sum(float(line.split()[-1]) for line in lines if "requests" in line))


@contextlib.contextmanager
def endless(stack: Stack, client: httpx.Client, *, window: int = 4096) -> Iterator[httpx.Response]:
    """A stream that runs until the client leaves: it is larger than any buffer on its way.

    `window` are the bytes that the client's own takes; with few, reading the rest takes minutes.
    """
    slow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, window)])
    headers = {"authorization": client.headers["authorization"]}
    with (
        httpx.Client(
            transport=slow, base_url=stack.endpoint, timeout=60, headers=headers
        ) as reader,
        reader.stream("POST", "/v1/chat/completions", json=ENDLESS) as response,
    ):
        assert response.status_code == 200
        yield response


RACERS = 200
RACED: dict[str, Any] = {"unit": "tokens", "window": 3600, "max": 1000}
MOST = 8
RACE = {"model": "echo", "messages": PROMPT, "max_tokens": MOST}


def race(stack: Stack, tenant: str) -> None:
    """Two hundred clients ask until they are refused, and together get what `RACED` allows."""
    client = client_of(stack, tenant)
    client.timeout = 120
    largest = 0

    def until_refused(_: int) -> int:
        nonlocal largest
        total = 0
        while (answer := client.post("/v1/chat/completions", json=RACE)).status_code == 200:
            used = answer.json()["usage"]["total_tokens"]
            largest = max(largest, used)
            total += used
        assert answer.status_code == 429, answer.text
        return total

    with ThreadPoolExecutor(RACERS) as pool:
        spent = sum(pool.map(until_refused, range(RACERS)))
    found = standing(stack, tenant)
    assert (found["used"], found["reserved"]) == (spent, 0)
    # What is left over is smaller than what one more would have reserved.
    assert RACED["max"] - (largest + MOST) < spent <= RACED["max"]
