"""The completion contract on a real Triton, held against a model whose answer is known."""

from __future__ import annotations

import http.client
import json
from queue import Queue
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.grpc import InferenceServerClient, InferInput

pytestmark = pytest.mark.slow

ACTIVE_REQUESTS = 16


def joined(events: list[dict[str, Any]], index: int = 0) -> str:
    return "".join(event["text_output"] for event in events if event["index"] == index)


def test_a_plain_prompt_comes_back(triton: Any) -> None:
    status, answer = triton.generate("echo", text_input="Grüße 👋")
    assert status == 200
    assert answer["text_output"] == "Grüße 👋"
    assert answer["finish_reason"] == "stop"
    assert answer["index"] == 0
    assert answer["completion_tokens"] == answer["prompt_tokens"] > 1


def test_of_a_chat_the_last_user_turn_comes_back(triton: Any) -> None:
    chat = "<|user|>One<|end|><|assistant|>1<|end|><|user|>Two \u200b<\u200b|x<|end|><|assistant|>"
    assert triton.generate("echo", text_input=chat)[1]["text_output"] == "Two \u200b<|x"


def test_deltas_count_up_and_the_last_one_says_why(triton: Any) -> None:
    events = triton.stream("echo", text_input="a policy gateway")
    assert joined(events) == "a policy gateway"
    assert [event["completion_tokens"] for event in events] == sorted(
        event["completion_tokens"] for event in events
    )
    assert [event["finish_reason"] for event in events[:-1]] == [""] * (len(events) - 1)
    assert len(events) > 2
    assert events[-1]["finish_reason"] == "stop"


@settings(max_examples=25)
@given(
    text=st.text("abé日👋 \n", min_size=1, max_size=20),
    stop=st.lists(st.text("abé日👋", min_size=1, max_size=3), max_size=2),
    limit=st.integers(1, 40),
)
def test_a_stream_says_the_same_as_one_answer(
    triton: Any, text: str, stop: list[str], limit: int
) -> None:
    tensors = {"text_input": text, "stop": stop, "max_tokens": limit}
    _, answer = triton.generate("echo", **tensors)
    events = triton.stream("echo", **tensors)
    assert joined(events) == answer["text_output"]
    for name in ("finish_reason", "completion_tokens", "prompt_tokens"):
        assert events[-1][name] == answer[name]
    assert not any(one in answer["text_output"] for one in stop)
    assert answer["completion_tokens"] <= limit


def test_the_stop_string_is_cut_off_but_its_tokens_count(triton: Any) -> None:
    _, answer = triton.generate("echo", text_input="1234567", stop=["9", "45"])
    assert (answer["text_output"], answer["finish_reason"]) == ("123", "stop")
    assert answer["completion_tokens"] == 5


def test_max_tokens_ends_an_answer(triton: Any) -> None:
    _, answer = triton.generate("echo", text_input="1234567", max_tokens=3)
    assert (answer["text_output"], answer["finish_reason"]) == ("123", "length")
    assert answer["completion_tokens"] == 3


def test_the_context_bounds_prompt_and_answer_together(triton: Any) -> None:
    _, answer = triton.generate("echo", text_input="1" * 8000, max_tokens=5000)
    assert (answer["completion_tokens"], answer["finish_reason"]) == (192, "length")
    status, refusal = triton.generate("echo", text_input="1" * 8192)
    assert status == 400
    assert "8192 tokens" in refusal["error"]


def test_several_completions_share_one_answer(triton: Any) -> None:
    _, answer = triton.generate("echo", text_input="12", n=3)
    assert answer["text_output"] == ["12"] * 3
    assert answer["index"] == [0, 1, 2]
    assert answer["completion_tokens"] == [2] * 3
    assert answer["prompt_tokens"] == 2


def test_several_completions_stream_in_turn(triton: Any) -> None:
    events = triton.stream("echo", text_input="12", n=2)
    assert [event["index"] for event in events] == [0, 1] * 3
    assert joined(events, 0) == joined(events, 1) == "12"


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"text_input": ""}, "empty"),
        ({"text_input": "a", "max_tokens": 0}, "max_tokens"),
        ({"text_input": "a", "temperature": -1}, "temperature"),
        ({"text_input": "a", "top_p": 2}, "top_p"),
        ({"text_input": "a", "n": 0}, "n must"),
        ({"text_input": "a", "stop": [""]}, "stop"),
    ],
)
def test_a_bad_request_is_refused_and_the_model_goes_on(
    triton: Any, tensors: dict[str, Any], says: str
) -> None:
    status, refusal = triton.generate("echo", **tensors)
    assert status == 400
    assert says in refusal["error"]
    (event,) = triton.stream("echo", **tensors)
    assert says in event["error"]
    assert triton.generate("echo", text_input="a")[0] == 200


def tensor(name: str, kind: str, values: np.ndarray) -> InferInput:
    given = InferInput(name, values.shape, kind)
    given.set_data_from_numpy(values)
    return given


def test_text_that_is_no_utf8_is_refused(triton: Any) -> None:
    answers: Queue[tuple[Any, Any]] = Queue()
    with InferenceServerClient(triton.grpc) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        client.async_stream_infer(
            "echo", [tensor("text_input", "BYTES", np.array([b"\xff"], np.object_))]
        )
        _, error = answers.get(timeout=20)
    assert "UTF-8" in error.message()


# Each answer would take minutes, and a model takes only so many requests at once: the request
# after them is answered only if the model has noticed that nobody listens any more.
ENDLESS = {"text_input": "1" * 4000, "stream": True, "n": 16}


def test_a_cancelled_call_stops_its_work(triton: Any) -> None:
    answers: Queue[tuple[Any, Any]] = Queue()
    inputs = [
        tensor("text_input", "BYTES", np.array([ENDLESS["text_input"].encode()], np.object_)),
        tensor("stream", "BOOL", np.array([True])),
        tensor("n", "INT32", np.array([16], np.int32)),
    ]
    with InferenceServerClient(triton.grpc) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        for number in range(ACTIVE_REQUESTS):
            client.async_stream_infer("echo", inputs, request_id=str(number))
        started: set[str] = set()
        while len(started) < ACTIVE_REQUESTS:
            result, _ = answers.get(timeout=20)
            started.add(result.get_response().id)
        client.stop_stream(cancel_requests=True)
    assert triton.generate("echo", text_input="next")[1]["text_output"] == "next"


def test_a_client_that_leaves_stops_its_work(triton: Any) -> None:
    for _ in range(ACTIVE_REQUESTS):
        connection = http.client.HTTPConnection(triton.http, timeout=20)
        connection.request("POST", "/v2/models/echo/generate_stream", json.dumps(ENDLESS))
        response = connection.getresponse()
        assert response.readline().startswith(b"data: ")
        response.close()
        connection.close()
    assert triton.generate("echo", text_input="next")[1]["text_output"] == "next"
