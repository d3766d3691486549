"""The service is killed under load: what reached a client is in the usage, and counts once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from tests.e2e.stack import PROMPT, SLUICE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

KILLS = 10
CLIENTS = 6
ASKED = {"model": "echo", "messages": PROMPT}


class Load:
    """Clients that ask the same again and again, and count the answers that reach them whole."""

    def __init__(self, stack: Stack, key: str) -> None:
        self.sent = 0
        self.answers: list[dict[str, int]] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask, args=(stack.http(key=key),)) for _ in range(CLIENTS)
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
                # Nobody is there: asking at once would only keep the next service from its start.
                time.sleep(0.2)


class Service:
    """The stack's own service, started by hand: the supervisor waits longer after each death."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._process = self._start()

    def kill(self) -> None:
        """As the kernel does when memory is short; and the next one follows at once."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    def stop(self) -> None:
        """For good."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._stack.state_dir / "logs" / "killed.log").open("ab") as log:
            return subprocess.Popen(
                [SLUICE, "serve", "--state-dir", str(self._stack.state_dir)],
                cwd=self._stack.state_dir,
                stdout=log,
                stderr=log,
            )


@contextlib.contextmanager
def by_hand(stack: Stack) -> Iterator[Service]:
    """Takes the service from the supervisor, and gives it back."""
    supervisor = stack.json("status")["pid"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        stack.kill("service")
        service = Service(stack)
        try:
            yield service
        finally:
            service.stop()
    finally:
        os.kill(supervisor, signal.SIGCONT)


def test_what_reached_a_client_is_in_the_usage_once(
    site: Site,
) -> None:
    stack, chance = site.stack, random.Random(11)  # noqa: S311 - moments, no secrets
    key = stack.create_key("load", "killed", "internal", "developer")
    with by_hand(stack) as service, Load(stack, key) as load:
        for _ in range(KILLS):
            _answered(load, 20)
            time.sleep(chance.uniform(0, 0.05))
            service.kill()
        _answered(load, 20)
    eventually(lambda: _restarted(stack), within=60)
    rows: list[dict[str, Any]] = stack.json("usage", "--tenant", "killed")["usage"]
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "group"}
    (kind,) = {(usage["prompt_tokens"], usage["completion_tokens"]) for usage in load.answers}
    settled = total["requests"] - total["unsettled"]
    assert len(load.answers) <= settled <= load.sent
    # At each kill, at most one request a client was settled and not answered, or not settled.
    assert settled - len(load.answers) <= (KILLS + 1) * CLIENTS
    assert total["prompt_tokens"] == total["requests"] * kind[0]
    assert total["completion_tokens"] == settled * kind[1]


def _answered(load: Load, more: int) -> None:
    enough = len(load.answers) + more

    def reached() -> None:
        assert len(load.answers) >= enough

    eventually(reached, within=60)


def _restarted(stack: Stack) -> None:
    assert stack.json("status")["ready"]
