"""However a request ends, what it reserved is free again, and what it used counts once."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from tests.e2e.conftest import down, eventually, up
from tests.e2e.limited import CHAT, LIFETIME, client_of, endless, standing, write_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.e2e

SLOTS = {"unit": "slots", "window": LIFETIME, "max": 1}
ENDLESSLY = {"on_exceed": "queue", "queue": {"max_waiting": 1, "max_wait": 1000}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Stack]:
    """A stack with a model server that may be stopped, and little patience with it."""

    def change(gateway: dict[str, Any]) -> None:
        gateway["limits"]["request_timeout"] = "8s"

    limits = {"ending": [SLOTS], "waiting": [SLOTS | ENDLESSLY]}
    running = up(tmp_path / "state", write_site(tmp_path, limits, change))
    yield running
    down(running)


def test_every_end_gives_its_slot_back(site: Stack) -> None:
    client = client_of(site, "ending")

    def chat() -> httpx.Response:
        answer = client.post("/v1/chat/completions", json=CHAT)
        assert eventually(lambda: _free(site))
        return answer

    def usage(answer: httpx.Response) -> dict[str, int]:
        return dict(site.audit(answer.headers["x-request-id"])["usage"])

    assert usage(chat())["prompt_tokens"] > 0

    # Refused by the model server.
    refused = client.post(
        "/v2/models/embed/infer",
        json={
            "inputs": [
                {"name": "text_input", "datatype": "BYTES", "shape": [1, 1], "data": ["hello"]}
            ],
            "outputs": [{"name": "nothing"}],
        },
    )
    assert refused.status_code >= 400
    assert eventually(lambda: _free(site))

    # It takes too long: the model may have worked on it all the while.
    site.kill("triton", signal.SIGSTOP)
    late = chat()
    site.kill("triton", signal.SIGCONT)
    assert late.status_code == 504, late.text
    assert usage(late)["completion_tokens"] == CHAT["max_tokens"]

    # It waits in line for as long as there is any use, and is told why.
    waiter = client_of(site, "waiting")
    with endless(site, waiter):
        waited = waiter.post("/v1/chat/completions", json=CHAT)
    assert (waited.status_code, waited.json()["error"]["code"]) == (429, "waiting-limit")
    assert waited.elapsed.total_seconds() > 7

    # A stream is cut. What was said of it counts.
    with endless(site, client, window=1 << 18) as stream:
        number = stream.headers["x-request-id"]
        assert standing(site, "ending")["reserved"] == 1
        site.kill("triton")
        with contextlib.suppress(httpx.HTTPError):
            for _ in stream.iter_raw():
                pass
    assert eventually(lambda: _free(site))
    assert site.audit(number)["usage"]["completion_tokens"] > 0


def _free(site: Stack) -> bool:
    assert standing(site, "ending")["reserved"] == 0
    return True
