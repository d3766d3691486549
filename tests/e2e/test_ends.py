"""However a request ends, what it reserved is free again, and what it used counts once."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from tests.e2e.limited import CHAT, LIFETIME, client_of, endless, limit_tenants, standing
from tests.e2e.stack import eventually

if TYPE_CHECKING:
    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SLOTS = {"unit": "slots", "window": LIFETIME, "max": 1}
ENDLESSLY = {"on_exceed": "queue", "queue": {"max_waiting": 1, "max_wait": 1000}}


def test_every_end_gives_its_slot_back(site: Site) -> None:
    stack = site.stack
    limit_tenants(site, {"ending": [SLOTS], "waiting": [SLOTS | ENDLESSLY]})
    # Little patience with a model server that is stopped.
    site.change(lambda config: config["limits"].update(request_timeout="8s"))
    site.apply()
    client = client_of(stack, "ending")

    def chat() -> httpx.Response:
        answer = client.post("/v1/chat/completions", json=CHAT)
        assert eventually(lambda: _free(stack))
        return answer

    def usage(answer: httpx.Response) -> dict[str, int]:
        return dict(stack.audit(answer.headers["x-request-id"])["usage"])

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
    assert eventually(lambda: _free(stack))

    # It takes too long: the model may have worked on it all the while.
    stack.kill("triton", signal.SIGSTOP)
    late = chat()
    stack.kill("triton", signal.SIGCONT)
    assert late.status_code == 504, late.text
    assert usage(late)["completion_tokens"] == CHAT["max_tokens"]

    # It waits in line for as long as there is any use, and is told why.
    waiter = client_of(stack, "waiting")
    with endless(stack, waiter):
        waited = waiter.post("/v1/chat/completions", json=CHAT)
    assert (waited.status_code, waited.json()["error"]["code"]) == (429, "waiting-limit")
    assert waited.elapsed.total_seconds() > 7

    # A stream is cut. What was said of it counts.
    with endless(stack, client, window=1 << 18) as stream:
        number = stream.headers["x-request-id"]
        assert standing(stack, "ending")["reserved"] == 1
        stack.kill("triton")
        with contextlib.suppress(httpx.HTTPError):
            for _ in stream.iter_raw():
                pass
    assert eventually(lambda: _free(stack))
    assert stack.audit(number)["usage"]["completion_tokens"] > 0


def _free(stack: Stack) -> bool:
    assert standing(stack, "ending")["reserved"] == 0
    return True
