"""What a real server answered, through the whole gateway: told, charged and recorded alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from extauth.audit import Outcome
from extauth.types import Usage
from tests.backends.openai.recorded import asked, names, recorded
from tests.gateway.served import Refused
from tests.gateway.servers import OPENAI

if TYPE_CHECKING:
    from tests.gateway.served import Served
    from tests.gateway.servers import Server

PATHS = ("/v1/chat/completions", "/v1/completions")
REFUSED = (
    *("chat-max-tokens-zero", "chat-max-tokens-zero.stream"),
    *("completion-echo", "completion-echo.stream"),
    *("error-logit-bias", "error-max-tokens-huge", "error-messages-empty"),
)
"""What that server answers and the gateway does not ask it: the API has other bounds."""
ANSWERS = [(path, name) for path in PATHS for name in names(path) if name not in REFUSED]
EMBEDDINGS = [name for name in names("/v1/embeddings") if name != "embeddings-dimensions"]
"""Without those that have as many dimensions as the server likes, and not as were asked for."""


def body_of(name: str) -> dict[str, Any]:
    """The request that was sent for an answer, to a model of the demo."""
    body = {**json.loads(asked(name)), "model": "chat"}
    # That server's own, to have it think.
    body.pop("chat_template_kwargs", None)
    return body


def said(events: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What a client has in the end of each choice, plain or by pieces."""
    found: dict[int, dict[str, Any]] = {}
    for choice in (choice for event in events for choice in event["choices"]):
        one = found.setdefault(
            choice["index"], {"text": "", "reasoning": "", "arguments": {}, "finish": None}
        )
        words = choice.get("delta") or choice.get("message") or {}
        one["text"] += choice.get("text") or words.get("content") or ""
        one["reasoning"] += words.get("reasoning_content") or ""
        one["finish"] = choice.get("finish_reason") or one["finish"]
        for place, call in enumerate(words.get("tool_calls") or ()):
            index = call.get("index", place)
            arguments = call["function"].get("arguments") or ""
            one["arguments"][index] = one["arguments"].get(index, "") + arguments
    return found


@pytest.mark.parametrize("models", [OPENAI], indirect=True)
@pytest.mark.parametrize(("path", "name"), ANSWERS, ids=[name for _, name in ANSWERS])
async def test_a_client_reads_what_was_said_and_is_charged_what_was_counted(
    served: Served, server: Server, path: str, name: str
) -> None:
    answer, body = recorded(name), body_of(name)
    request, dispatch = await served.exchange(body, served.head(path, who="root"))
    opened = await request.answer_headers(answer.status, answer.headers, end=False)
    if opened.chunked:
        out = b"".join([await request.chunk(chunk, end=False) for chunk in answer.chunks])
        out += await request.chunk(b"", end=True)
        lines = [line[6:] for line in out.decode().split("\n\n") if line and "[DONE]" not in line]
        got, wanted = [json.loads(line) for line in lines], answer.events
    else:
        out = (await request.chunk(answer.body, end=True)).body
        got, wanted = [json.loads(out)], [json.loads(answer.body)]
    assert said(got) == said(wanted)

    charged = served.charged()
    record = await served.record()
    assert (record.outcome, record.stream) == (Outcome.SERVED, opened.chunked)
    assert record.usage is not None
    assert Usage(record.usage.prompt_tokens, record.usage.completion_tokens) == charged
    for usage in [event["usage"] for event in got if event.get("usage")]:
        assert Usage(usage["prompt_tokens"], usage["completion_tokens"]) == charged
    counted = [event["usage"] for event in wanted if event.get("usage")]
    if counted and body.get("n", 1) == 1:
        assert charged == Usage(counted[-1]["prompt_tokens"], counted[-1]["completion_tokens"])
    else:
        assert charged.prompt_tokens >= dispatch.worst_case.prompt_tokens
        assert charged.completion_tokens > 0


@pytest.mark.parametrize("models", [OPENAI], indirect=True)
@pytest.mark.parametrize("name", REFUSED)
async def test_what_the_api_does_not_have_never_gets_there(
    served: Served, server: Server, name: str
) -> None:
    path = PATHS[name.startswith("completion")]
    with pytest.raises(Refused):
        await served.exchange(body_of(name), served.head(path, who="root"))


@pytest.mark.parametrize("models", [OPENAI], indirect=True)
@pytest.mark.parametrize("name", EMBEDDINGS)
async def test_embeddings_are_charged_what_was_counted(
    served: Served, server: Server, name: str
) -> None:
    answer, body = recorded(name), {**json.loads(asked(name)), "model": "embed"}
    request, _ = await served.exchange(body, served.head("/v1/embeddings", who="root"))
    await request.answer_headers(answer.status, answer.headers, end=False)
    got = json.loads((await request.chunk(answer.body, end=True)).body)
    told = json.loads(answer.body)
    assert len(got["data"]) == len(told["data"])
    assert got["usage"]["prompt_tokens"] == told["usage"]["prompt_tokens"]
    assert served.charged() == Usage(told["usage"]["prompt_tokens"])
