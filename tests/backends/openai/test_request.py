"""Requests to the OpenAI API, written anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from extauth.backends.openai import OpenAIBackend
from extauth.backends.openai.backend import base_path
from extauth.clients import parse_request, parse_target
from extauth.errors import InvalidRequest
from extauth.types import PartFacts, RequestHead
from tests.backends.served import check, settings

if TYPE_CHECKING:
    from extauth.types.call import Call

BACKEND = OpenAIBackend("https://api.example.com")
CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
FIRST = "https://A.example.com:8443/x"
USER = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "c", "schema": {"type": "object"}}}


def parsed(path: str, **body: Any) -> Call:
    head = RequestHead("r", "POST", path, "", {}, "127.0.0.1")
    data = json.dumps({"model": "large@1", **body}).encode()
    return parse_request(parse_target("POST", path), head, data, depth=32).call


def chat(**body: Any) -> Call:
    return parsed(CHAT, **{"messages": [USER], **body})


def sent(call: Call, max_tokens: int | None = 9, **changes: Any) -> dict[str, Any]:
    model = settings(**{"name": "large", "context_length": 99, **changes})
    request = BACKEND.request(call, model, "1", ["counted"], max_tokens)
    assert request.streams == call.parameters.stream
    assert request.headers == (("content-type", "application/json"),)
    return {"path": request.path, **json.loads(request.body)}


def test_a_chat_goes_on_as_it_was_understood() -> None:
    assert sent(chat(user="me", metadata={"a": "b"})) == {
        "path": "/v1/chat/completions",
        "model": "large",
        "messages": [USER],
        "max_completion_tokens": 9,
    }


def test_everything_that_the_api_has_is_passed_on() -> None:
    asked = {
        "temperature": 0.5,
        "top_p": 0.0,
        "n": 2,
        "stop": ["x"],
        "seed": 4,
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "logit_bias": {"5": 1.0},
        "logprobs": True,
        "top_logprobs": 3,
        "reasoning_effort": "low",
        "verbosity": "high",
        "tools": [TOOL],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "response_format": SCHEMA,
    }
    call = chat(**asked)
    check(call, BACKEND)
    told = sent(call)
    assert {name: told[name] for name in asked} == asked


def test_usage_is_always_asked_for_in_a_stream() -> None:
    told = sent(chat(stream=True))
    assert (told["stream"], told["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_bound_keeps_its_name(name: str) -> None:
    told = sent(chat(**{name: 5}), 3)
    assert told[name] == 3
    assert len({"max_tokens", "max_completion_tokens"} & set(told)) == 1


def test_the_server_has_its_own_name_for_the_model() -> None:
    assert sent(chat(), upstream_name="Vendor/large-2026")["model"] == "Vendor/large-2026"


def test_messages_keep_what_they_have() -> None:
    messages = [
        {"role": "developer", "content": "be kind", "name": "op"},
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
            "reasoning_content": "hm",
        },
        {"role": "tool", "content": "sunny", "tool_call_id": "c"},
    ]
    assert sent(chat(messages=messages))["messages"] == messages


def test_parts_are_passed_on_and_told_of() -> None:
    content = [
        {"type": "text", "text": "see"},
        {
            "type": "image_url",
            "image_url": {"url": "https://A.example.com:8443/x", "detail": "low"},
        },
        {"type": "image_url", "image_url": {"url": "http://a.example.com/y"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    call = chat(messages=[{"role": "user", "content": content}])
    assert call.parts == PartFacts(images=3, audio=1, files=1, hosts=("a.example.com",))
    check(call, BACKEND)
    assert sent(call)["messages"][0]["content"] == content
    # Addresses are searched like any text, what is inline is not.
    assert call.texts() == [
        "see",
        "https://A.example.com:8443/x",
        "http://a.example.com/y",
        "file-1",
    ]


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a/x", "file:///etc/passwd", "/x", "", "https://", "https:///x", "HTTPS:/a"),
        *("https://me@a/x", "https://a\\@b/x", "https://a b/x", "https://a/\n", "javascript:a"),
        *("data:text/plain,hello", "DATA:image/png;base64,AA==", "data:image/png;base64,a b"),
        *("https://[::1/x", "https://a:x/", "https://a/" + "x" * 9000),
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    with pytest.raises(InvalidRequest) as raised:
        chat(messages=[{"role": "user", "content": [part]}])
    assert raised.value.param == "messages[0].content[0].image_url.url"


def test_masked_texts_are_what_is_sent() -> None:
    named = {"type": "function", "function": {"name": "look_up"}}
    call = chat(tools=[TOOL], tool_choice=named, response_format=SCHEMA, stop="halt")
    told = json.dumps(sent(call.replace([text.upper() for text in call.texts()])))
    for word in ("HELLO", "LOOK_UP", "HALT", '"C"'):
        assert word in told
    assert "look_up" not in told


@pytest.mark.parametrize(
    "body",
    [
        *({"store": True}, {"web_search_options": {}}, {"modalities": ["text", "audio"]}),
        *({"prediction": {"type": "content", "content": "x"}}, {"functions": [{"name": "f"}]}),
        *({"service_tier": "priority"}, {"audio": {"voice": "x"}}),
    ],
)
def test_what_the_gateway_can_not_search_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as raised:
        check(chat(**body), BACKEND)
    assert raised.value.param == next(iter(body))


def test_a_completion() -> None:
    call = parsed(COMPLETIONS, prompt="Once", suffix=" end", logprobs=2, stop="x", max_tokens=50)
    check(call, BACKEND)
    assert sent(call) == {
        "path": "/v1/completions",
        "model": "large",
        "prompt": "Once",
        "suffix": " end",
        "max_tokens": 9,
        "logprobs": 2,
        "stop": ["x"],
    }


def test_embeddings() -> None:
    assert sent(parsed(EMBEDDINGS, input=["a", "b"], dimensions=8), None) == {
        "path": "/v1/embeddings",
        "model": "large",
        "input": ["a", "b"],
        "encoding_format": "base64",
        "dimensions": 8,
    }


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.example.com", "/v1"),
        ("https://api.example.com/", "/v1"),
        ("https://api.example.com/v1/", "/v1"),
        ("https://host/prefix", "/prefix/v1"),
        ("https://host/openai/v1", "/openai/v1"),
        ("https://host/v1beta/openai", "/v1beta/openai"),
        ("https://host/vendor", "/vendor/v1"),
    ],
)
def test_a_path_without_a_version_gets_one(url: str, base: str) -> None:
    assert base_path(url) == base
