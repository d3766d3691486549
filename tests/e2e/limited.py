"""Stacks whose tenants have limits of their own, and what people see of these."""

from __future__ import annotations

import contextlib
import shutil
import socket
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import yaml

from tests.e2e.conftest import PROMPT, REPOSITORY, Stack, share_triton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 4}
LONG = [{"role": "user", "content": "one two three four five six seven eight " * 400}]
ENDLESS = {"model": "echo", "messages": LONG, "stream": True, "n": 16}
LIFETIME = {"type": "lifetime"}


def write_site(
    root: Path,
    tenants: Mapping[str, Sequence[Mapping[str, Any]]],
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    *,
    beside: Stack | None = None,
) -> Path:
    """The demo with these tenants' limits, `of` the tenant unless they say otherwise.

    `beside` is a stack whose model server it uses; `change` may alter gateway.yaml. Returns that.
    """
    shutil.copytree(REPOSITORY / "policies", root / "policies")
    file = root / "policies/data/limits.yaml"
    data = yaml.safe_load(file.read_text())
    data["limits"]["tenants"] = {
        tenant: [{"name": f"{tenant}-limit", "of": ["tenant"], **limit} for limit in limits]
        for tenant, limits in tenants.items()
    }
    file.write_text(yaml.safe_dump(data))
    config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
    for model in config["models"].values():
        for name in ("repository", "tokenizer", "chat_template"):
            if name in model:
                model[name] = str(REPOSITORY / model[name])
    if beside is not None:
        share_triton(config, beside.triton)
    change(config)
    gateway = root / "gateway.yaml"
    gateway.write_text(yaml.safe_dump(config))
    return gateway


def client_of(
    site: Stack, tenant: str, name: str = "one", *, tier: str = "internal"
) -> httpx.Client:
    """A client with a new key of the tenant's."""
    return site.http(key=site.create_key(name, tenant, tier, "developer", region="eu-west"))


def standing(site: Stack, tenant: str) -> dict[str, Any]:
    """What `sluice limits show` says of the tenant's one limit."""
    (found,) = [
        each
        for each in site.json("limits", "show", f"tenant:{tenant}")["limits"]
        if each["name"] == f"{tenant}-limit"
    ]
    return dict(found)


def waiting(site: Stack) -> int:
    """How many requests wait in line."""
    lines = [line for line in site.metrics().splitlines() if line.startswith("sluice_waiting")]
    return int(sum(float(line.split()[-1]) for line in lines if "requests" in line))


@contextlib.contextmanager
def endless(site: Stack, client: httpx.Client, *, window: int = 4096) -> Iterator[httpx.Response]:
    """A stream that runs until the client leaves: it is larger than any buffer on its way.

    `window` are the bytes that the client's own takes; with few, reading the rest takes minutes.
    """
    slow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, window)])
    headers = {"authorization": client.headers["authorization"]}
    with (
        httpx.Client(transport=slow, base_url=site.endpoint, timeout=60, headers=headers) as reader,
        reader.stream("POST", "/v1/chat/completions", json=ENDLESS) as response,
    ):
        assert response.status_code == 200
        yield response
