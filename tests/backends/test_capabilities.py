"""What the backend of a model can't honour is refused, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extauth.clients import parse_request, parse_target
from extauth.errors import InvalidRequest
from extauth.types import RequestHead
from extauth.types.call import Call
from tests.backends.served import OPENAI, TRITON, check

CHAT = "/v1/chat/completions"
MESSAGES = {"messages": [{"role": "user", "content": "a"}]}
TENSOR = {"inputs": [{"name": "text_input", "datatype": "BYTES", "shape": [1], "data": ["a"]}]}
BOTH = pytest.mark.parametrize("backend", [TRITON, OPENAI], ids=["triton", "openai"])


def call(path: str = CHAT, **fields: Any) -> Call:
    """A request as the gateway understands it."""
    body = json.dumps({"model": "chat", **MESSAGES, **fields} if path == CHAT else fields).encode()
    head = RequestHead("r", "POST", path, "", {"content-type": "application/json"}, "192.0.2.1")
    return parse_request(parse_target("POST", path), head, body, depth=9).call


ASKED: dict[str, Any] = {
    "stream": True,
    "temperature": 0,
    "top_p": 0.5,
    "n": 2,
    "stop": ["x"],
    "seed": 1,
    "presence_penalty": 1,
    "frequency_penalty": 1,
}


@BOTH
@pytest.mark.parametrize(("name", "value"), ASKED.items())
def test_what_one_model_honours_another_of_its_kind_refuses(
    backend: Any, name: str, value: object
) -> None:
    asked = call(**{name: value})
    check(asked, backend)
    check(asked, backend, parameters=(name,))
    others = tuple(ASKED.keys() - {name})
    with pytest.raises(InvalidRequest) as caught:
        check(asked, backend, name="greedy", parameters=others)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", name)
    assert name.split("_", maxsplit=1)[0] in caught.value.message
    assert "model greedy" in caught.value.message


@BOTH
def test_what_asks_for_nothing_passes(backend: Any) -> None:
    nothing = {"stream": False, "temperature": 1, "top_p": 1, "n": 1, "stop": [], "seed": None}
    check(call(**nothing, presence_penalty=0, frequency_penalty=0), backend, parameters=())


def test_a_server_of_the_openai_api_may_have_less_than_the_api() -> None:
    asked = call(logprobs=True)
    check(asked, OPENAI)
    check(asked, OPENAI, parameters=("logprobs",))
    with pytest.raises(InvalidRequest) as caught:
        check(asked, OPENAI, parameters=("temperature",))
    assert caught.value.param == "logprobs"


def test_no_model_of_triton_has_what_the_protocol_has_no_word_for() -> None:
    with pytest.raises(InvalidRequest):
        check(call(logprobs=True), TRITON, parameters=("logprobs",))


def test_a_model_of_triton_streams_or_takes_tensors() -> None:
    """A decoupled one answers `infer` with an error; where nobody knows, Triton says it."""
    tensors = call("/v2/models/chat/infer", **TENSOR)
    check(tensors)
    check(tensors, parameters=("seed",))
    with pytest.raises(InvalidRequest) as caught:
        check(tensors, parameters=("seed", "stream"))
    assert caught.value.message == "The model chat does not take tensors: send text."
    with pytest.raises(InvalidRequest) as caught:
        check(call(stream=True), parameters=("seed",))
    assert caught.value.message == "The model chat does not stream: its backend answers at once."


def test_tools_are_the_templates_affair() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    check(call(tools=[tool]), TRITON, parameters=())
