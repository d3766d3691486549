"""The answers, as the official client reads them."""

from __future__ import annotations

import json
from contextlib import contextmanager

import httpx2 as httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.clients.answer import error_body, error_headers
from extauth.clients.openai.chunks import ChatChunks
from extauth.errors import STATUSES, BackendError, Forbidden, LimitExceeded
from extauth.types import Api, Delta, Usage
from tests.backends.served import OPENAI, TRITON, Served

MESSAGES = [{"role": "user", "content": "hello"}]
DELTAS = [
    Delta(0, "Hel"),
    Delta(1, "Bon"),
    Delta(0, 'lo "\n\u2028é'),
    Delta(1, "jour", "length"),
    Delta(0, "", "stop"),
]
USAGE = Usage(11, 7)


def _choice(delta: Delta, part: str) -> dict[str, object]:
    reason = delta.finish_reason
    return {"index": delta.index, part: {"content": delta.text}, "finish_reason": reason}


class Triton:
    """generate and generate_stream."""

    backend = TRITON

    def stream(self, *deltas: Delta) -> bytes:
        return events(
            {"index": d.index, "text_output": d.text, "finish_reason": d.finish_reason or ""}
            for d in deltas
        )

    def whole(self, *deltas: Delta) -> bytes:
        return json.dumps(
            {
                "index": [d.index for d in deltas],
                "text_output": [d.text for d in deltas],
                "finish_reason": [d.finish_reason or "" for d in deltas],
            }
        ).encode()


class OpenAI:
    """The OpenAI API."""

    backend = OPENAI

    def stream(self, *deltas: Delta) -> bytes:
        return events({"choices": [_choice(delta, "delta")]} for delta in deltas)

    def whole(self, *deltas: Delta) -> bytes:
        return json.dumps({"choices": [_choice(delta, "message") for delta in deltas]}).encode()


def events(chunks) -> bytes:
    """Each of them as an event."""
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


@pytest.fixture(params=[Triton(), OpenAI()], ids=["triton", "openai"])
def server(request):
    """The kind of server that answers: a test with it runs on each."""
    return request.param


@contextmanager
def client(call, server, answer: bytes):
    """The official client, behind it our parsing, and `answer` as the server's."""

    def handle(request: httpx.Request) -> httpx.Response:
        served = Served(call(request.url.path, request.content), server.backend)
        body = served.whole(answer, USAGE, {"content-type": served.writer.content_type})
        kind = served.writer.content_type
        return httpx.Response(200, content=body, headers={"content-type": kind})

    with (
        httpx.Client(transport=httpx.MockTransport(handle)) as http,
        openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http) as made,
    ):
        yield made


def test_a_chat_completion(call, server):
    with client(call, server, server.whole(Delta(1, "b", "length"), Delta(0, "a", "stop"))) as api:
        answer = api.chat.completions.create(model="chat", messages=MESSAGES, n=2)
    assert (answer.id, answer.object) == ("chatcmpl-r1", "chat.completion")
    assert answer.created == 1700000000
    assert answer.model == "chat@2"
    assert [(c.index, c.message.role, c.message.content) for c in answer.choices] == [
        (0, "assistant", "a"),
        (1, "assistant", "b"),
    ]
    assert [choice.finish_reason for choice in answer.choices] == ["stop", "length"]
    assert answer.usage.to_dict() == {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
    }


def test_a_chat_stream(call, server):
    with client(call, server, server.stream(*DELTAS)) as api:
        chunks = list(
            api.chat.completions.create(
                model="chat",
                messages=MESSAGES,
                n=2,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    *spoken, last = chunks
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk.id for chunk in chunks} == {"chatcmpl-r1"}
    assert {chunk.model for chunk in chunks} == {"chat@2"}
    steps = [(c.choices[0].index, c.choices[0].delta, c.choices[0].finish_reason) for c in spoken]
    for index, text, reason in [(0, 'Hello "\n\u2028é', "stop"), (1, "Bonjour", "length")]:
        own = [(delta, finish) for number, delta, finish in steps if number == index]
        assert own[0][0].role == "assistant"
        assert all(delta.role is None for delta, _ in own[1:])
        assert "".join(delta.content or "" for delta, _ in own) == text
        assert [finish for _, finish in own] == [None] * (len(own) - 1) + [reason]
        assert own[-1][0].to_dict() == {}
    assert all(chunk.usage is None for chunk in spoken)
    assert last.choices == []
    assert last.usage.total_tokens == 18


def test_a_stream_without_usage_does_not_speak_of_it(call, server):
    body = json.dumps({"model": "chat", "messages": MESSAGES, "stream": True}).encode()
    codec = Served(call("/v1/chat/completions", body), server.backend)
    codec.start(200, {"content-type": "text/event-stream"})
    written = codec.encode(codec.decode(server.stream(Delta(0, "a", "stop")), end=True))
    assert (written + codec.finish(USAGE)).endswith(b"data: [DONE]\n\n")
    assert b"usage" not in written


def test_the_streaming_helper_accumulates(call, server):
    with (
        client(call, server, server.stream(*[d for d in DELTAS if d.index == 0])) as api,
        api.chat.completions.stream(model="chat", messages=MESSAGES) as stream,
    ):
        answer = stream.get_final_completion()
    assert answer.choices[0].message.content == 'Hello "\n\u2028é'


def test_a_completion(call, server):
    with client(call, server, server.whole(Delta(0, "a", "stop"))) as api:
        answer = api.completions.create(model="chat", prompt="x", max_tokens=3)
    assert answer.object == "text_completion"
    assert answer.id == "cmpl-r1"
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("a", "stop")
    assert answer.usage.total_tokens == 18


def test_a_completion_stream(call, server):
    with client(call, server, server.stream(*DELTAS)) as api:
        chunks = list(
            api.completions.create(
                model="chat", prompt="x", n=2, stream=True, stream_options={"include_usage": True}
            )
        )
    text = {0: "", 1: ""}
    for chunk in chunks[:-1]:
        text[chunk.choices[0].index] += chunk.choices[0].text
    assert text == {0: 'Hello "\n\u2028é', 1: "Bonjour"}
    assert [c.choices[0].finish_reason for c in chunks[:-1] if c.choices[0].finish_reason] == [
        "length",
        "stop",
    ]
    assert chunks[-1].usage.total_tokens == 18


def test_an_error_in_a_stream_reaches_the_client(call):
    def handle(request: httpx.Request) -> httpx.Response:
        codec = Served(call(request.url.path, request.content))
        body = codec.encode([Delta(0, "a")]) + codec.error(BackendError("The model failed."))
        return httpx.Response(
            200, content=body, headers={"content-type": codec.writer.content_type}
        )

    with (
        httpx.Client(transport=httpx.MockTransport(handle)) as http,
        openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http) as api,
    ):
        stream = api.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
        assert next(stream).choices[0].delta.role == "assistant"
        assert next(stream).choices[0].delta.content == "a"
        with pytest.raises(openai.APIError) as raised:
            next(stream)
    assert raised.value.code == "backend_error"


@pytest.mark.parametrize("streaming", [True, False])
def test_a_choice_that_never_ends_is_an_error(call, server, streaming):
    body = {"model": "chat", "messages": MESSAGES, "stream": streaming, "n": 2}
    codec = Served(call("/v1/chat/completions", json.dumps(body).encode()), server.backend)
    codec.start(200, {"content-type": codec.writer.content_type})
    deltas = [Delta(0, "a", "stop"), Delta(1, "b")]
    codec.encode(codec.decode((server.stream if streaming else server.whole)(*deltas), end=True))
    with pytest.raises(BackendError):
        codec.finish(USAGE)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_an_error_of_the_client(status):
    error = Forbidden("No.", code="rule-1", param="model", status=status)
    answer = httpx.Response(
        status, content=error_body(Api.OPENAI, error), headers=dict(error_headers(error))
    )
    with (
        httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as http,
        openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http, max_retries=0) as api,
        pytest.raises(openai.APIStatusError) as raised,
    ):
        api.models.list()
    told = raised.value
    assert (told.status_code, told.code, told.param) == (status, "rule-1", "model")
    assert told.type == STATUSES[status].openai_type


def test_the_client_waits_as_long_as_it_is_told():
    headers = dict(error_headers(LimitExceeded("Slow down.", retry_after=2.1)))
    assert headers["retry-after"] == "3"
    assert headers["content-type"] == "application/json"


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(TEXT, max_size=6))
def test_a_chunk_is_one_event_whatever_the_text(texts):
    codec = ChatChunks("id", "m@1", 1, choices=1, include_usage=False)
    written = codec.encode([*(Delta(0, text) for text in texts), Delta(0, "", "stop")])
    events = written.decode().split("\n\n")[:-1]
    content = ""
    for event in events:
        assert event.startswith("data: ")
        assert "\n" not in event
        content += json.loads(event[6:])["choices"][0]["delta"].get("content", "")
    assert content == "".join(texts)
