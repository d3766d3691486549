"""What a policy says about answers, done to them on their way to the client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from extauth.audit import Outcome
from extauth.types.call.tensors import pack, unpack
from tests.gateway.served import CHAT, EVENTS, JSON, ROUTE, contents, generated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.gateway.request import Request
    from tests.gateway.served import Served
    from tests.gateway.servers import Server

    Decide = Callable[..., Awaitable[None]]

pytestmark = pytest.mark.slow

STREAM = {**CHAT, "stream": True}
CARD = "4111111111111111"
KEY = "ghp_" + "a1B2" * 9


def treated(**kinds: str) -> dict[str, Any]:
    """A decision that lets pass, charges as told, and treats these kinds in the answer."""
    obligations: list[dict[str, Any]] = [{"type": "settle", "by": "backend"}]
    obligations += [
        {"type": "mask", "kinds": [kind], "treatment": treatment, "direction": "answer"}
        for kind, treatment in kinds.items()
    ]
    return {"allow": True, "route": ROUTE, "obligations": obligations}


async def read(request: Request, *chunks: bytes) -> bytes:
    """A stream's bytes, as the client gets them."""
    await request.answer_headers(200, EVENTS, end=False)
    out = [await request.chunk(chunk, end=False) for chunk in chunks]
    return b"".join([*out, await request.chunk(b"", end=True)])


async def test_a_whole_answer_is_treated_and_told_of(
    served: Served, server: Server, decide: Decide
) -> None:
    await decide(inference=treated(card="redact", email="note"))
    request, _ = await served.exchange()
    await request.answer_headers(200, JSON, end=False)
    answer = await request.chunk(
        server.whole(f"Use {CARD} of jane@example.com, {CARD}.", 20), end=True
    )
    message = json.loads(answer.body)["choices"][0]["message"]["content"]
    assert message == "Use [CARD] of jane@example.com, [CARD]."
    assert json.loads(answer.body)["usage"]["completion_tokens"] == 20
    record = await served.record()
    assert record.answer_sensitive == {"card": 2, "email": 1}
    assert record.noted == {"email": 1}


async def test_choices_are_scanned_each_for_itself(
    served: Served, server: Server, decide: Decide
) -> None:
    await decide(inference=treated(card="redact"))
    request, _ = await served.exchange({**STREAM, "n": 2})
    out = await read(
        request,
        server.event(f"My card {CARD[:8]}", 4, index=0),
        server.event(f"Not {CARD[8:]} but", 4, index=1),
        server.event(f"{CARD[8:]}.", 8, "stop", index=0),
        server.event(" mine.", 6, "stop", index=1),
    )
    chunks = [json.loads(line[6:]) for line in out.decode().split("\n\n")[:-2]]
    said = {0: "", 1: ""}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        said[choice["index"]] += choice["delta"].get("content", "")
    assert said == {0: "My card [CARD].", 1: f"Not {CARD[8:]} but mine."}


@pytest.mark.parametrize("size", [1, 2, 3, 50])
async def test_a_stream_is_treated_however_its_bytes_are_cut(
    served: Served, server: Server, decide: Decide, size: int
) -> None:
    await decide(inference=treated(card="redact", email="hash"))
    text = f"Grüße! Die Karte «{CARD}» gehört jörg@example.com 🙂, nicht 测试."
    request, _ = await served.exchange()
    await request.answer_headers(200, JSON, end=False)
    whole = json.loads((await request.chunk(server.whole(text, 9), end=True)).body)
    sent = b"".join(server.event(piece, 9) for piece in text) + server.event("", 9, "stop")
    request, _ = await served.exchange(STREAM)
    out = await read(request, *(sent[at : at + size] for at in range(0, len(sent), size)))
    assert contents(out) == whole["choices"][0]["message"]["content"]
    assert "[CARD]" in contents(out)
    assert "@" not in contents(out)


async def test_a_whole_answer_that_is_blocked_is_charged(
    served: Served, server: Server, decide: Decide
) -> None:
    await decide(inference=treated(secret="block"))
    request, _ = await served.exchange()
    await request.answer_headers(200, JSON, end=False)
    refused = await request.chunk(server.whole(f"It is {KEY}.", 12), end=True)
    assert (refused.status, refused.code) == (403, "content_blocked")
    assert served.charged().completion_tokens == 12
    record = await served.record()
    assert (record.outcome, record.status, record.error) == (
        Outcome.DENIED,
        403,
        "content_blocked",
    )
    assert record.answer_sensitive == {"secret": 1}


async def test_a_stream_that_is_blocked_ends_with_an_error(
    served: Served, server: Server, decide: Decide
) -> None:
    await decide(inference=treated(secret="block"))
    request, _ = await served.exchange(STREAM)
    out = await read(
        request,
        server.event("The key is ", 3),
        server.event(KEY[:20], 9),
        server.event(KEY[20:] + " and", 15),
        server.event(" more of it.", 20, "stop"),
    )
    text, error = out.split(b'data: {"error"')
    assert contents(text) == "The key is "
    assert json.loads(b'{"error"' + error.strip())["error"] == {
        "message": "The model's answer holds what the policy blocks: secret.",
        "type": "permission_error",
        "param": None,
        "code": "content_blocked",
    }
    assert served.charged().completion_tokens == 15
    record = await served.record()
    assert (record.outcome, record.error) == (Outcome.DENIED, "content_blocked")


async def test_what_is_held_back_at_the_end_is_scanned(
    served: Served, server: Server, decide: Decide
) -> None:
    await decide(inference=treated(card="redact"))
    request, _ = await served.exchange(STREAM)
    out = await read(request, server.event(f"It is {CARD}", 5, "length"))
    assert contents(out) == "It is [CARD]"


@pytest.mark.usefixtures("at_once")
async def test_kserve_answers_are_treated_element_by_element(
    served: Served, decide: Decide
) -> None:
    await decide(inference=treated(card="redact"))
    tensor = {"name": "text_input", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    request, _ = await served.exchange({"inputs": [tensor]}, served.head("/v2/models/chat/infer"))
    await request.answer_headers(200, JSON, end=False)
    data = [f"It is {CARD}.", "Nothing."]
    output = {"name": "text_output", "datatype": "BYTES", "shape": [2], "data": data}
    body = {"model_name": "chat", "model_version": "1", "outputs": [output]}
    answer = await request.chunk(json.dumps(body).encode(), end=True)
    assert json.loads(answer.body)["outputs"][0]["data"] == ["It is [CARD].", "Nothing."]


async def test_nothing_that_a_kserve_model_says_passes_unseen(
    served: Served, decide: Decide
) -> None:
    """Not as an output of another name."""
    await decide(inference=treated(card="redact"))
    request, _ = await served.exchange({"text_input": "a"}, served.head("/v2/models/chat/generate"))
    await request.answer_headers(200, JSON, end=False)
    said = {**json.loads(generated("Hello.", 3)), "thought": f"It is {CARD}."}
    answer = await request.chunk(json.dumps(said).encode(), end=True)
    assert json.loads(answer.body)["thought"] == "It is [CARD]."

    request, _ = await served.exchange(
        {"text_input": "a"}, served.head("/v2/models/chat/generate_stream")
    )
    pieces = [f"My card {CARD[:8]}", f"{CARD[8:]}."]
    chunks = [{**json.loads(generated("", 3, "")), "thought": piece} for piece in pieces]
    out = await read(request, *(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks))
    events = [json.loads(line[6:]) for line in out.decode().split("\n\n")[:-1]]
    assert "".join(each.get("thought", "") for each in events) == "My card [CARD]."


@pytest.mark.usefixtures("at_once")
async def test_nothing_that_a_tensor_says_passes_unseen(served: Served, decide: Decide) -> None:
    """Not behind a byte that is no UTF-8."""
    await decide(inference=treated(card="redact"))
    tensor = {"name": "text_input", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    request, _ = await served.exchange({"inputs": [tensor]}, served.head("/v2/models/chat/infer"))
    data = pack([b"\xff " + CARD.encode()])
    output = {"name": "raw", "datatype": "BYTES", "shape": [1]}
    output["parameters"] = {"binary_data_size": len(data)}
    head = json.dumps({"model_name": "chat", "model_version": "1", "outputs": [output]}).encode()
    await request.answer_headers(
        200, {"inference-header-content-length": str(len(head))}, end=False
    )
    answer = await request.chunk(head + data, end=True)
    length = int(dict(answer.headers)["inference-header-content-length"])
    assert unpack(answer.body[length:]) == [b"\xff [CARD]"]
