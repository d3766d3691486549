"""The service is killed under load: what reached a client is in the usage, and counts once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from tests.e2e.conftest import PROMPT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.e2e

KILLS = 2
ASKED = {"model": "echo", "messages": PROMPT}


class Load:
    """Clients that ask the same again and again, and count the answers that reach them whole."""

    def __init__(self, stack: Stack, key: str) -> None:
        self.sent = 0
        self.answers: list[dict[str, int]] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask, args=(stack.http(key=key),)) for _ in range(6)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, client: httpx.Client) -> None:
        while not self._stopped.is_set():
            with self._lock:
                self.sent += 1
            try:
                answer = client.post("/v1/chat/completions", json=ASKED)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                with self._lock:
                    self.answers.append(answer.json()["usage"])
            else:
                time.sleep(0.02)


def test_what_reached_a_client_is_in_the_usage_once(
    private_stack: Callable[..., Stack],
) -> None:
    stack, chance = private_stack(), random.Random(11)  # noqa: S311 - moments, no secrets
    key = stack.create_key("load", "killed", "internal", "developer")
    with Load(stack, key) as load:
        for _ in range(KILLS):
            enough = len(load.answers) + 20
            eventually(lambda enough=enough: _reached(load, enough), within=60)
            time.sleep(chance.uniform(0, 0.05))
            os.kill(stack.json("status")["processes"]["service"]["pid"], signal.SIGKILL)
    rows: list[dict[str, Any]] = stack.json("usage", "--tenant", "killed")["usage"]
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "group"}
    (kind,) = {(usage["prompt_tokens"], usage["completion_tokens"]) for usage in load.answers}
    settled = total["requests"] - total["unsettled"]
    assert len(load.answers) <= settled <= load.sent
    # At each kill, at most one request a client was settled and not answered, or not settled.
    assert settled - len(load.answers) <= KILLS * 6
    assert total["prompt_tokens"] == total["requests"] * kind[0]
    assert total["completion_tokens"] == settled * kind[1]


def _reached(load: Load, enough: int) -> None:
    assert len(load.answers) >= enough
