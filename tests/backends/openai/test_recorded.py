"""A real server's answers, read: whatever it writes comes out whole."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.backends.openai.answer import CompletionReader
from extauth.backends.openai.embedded import EmbeddingReader
from extauth.backends.openai.failure import failure
from extauth.backends.openai.stream import StreamReader
from extauth.errors import AnsweredError, BackendError, BackendUnavailable, InvalidRequest
from extauth.types import Delta
from extauth.types.answer import WHOLE, Embeddings
from tests.backends.openai.recorded import asked, names, recorded

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
STREAMS = names(CHAT, stream=True) + names(COMPLETIONS, stream=True)
PLAIN = names(CHAT, stream=False) + names(COMPLETIONS, stream=False)


def choices(name: str) -> int:
    return int(json.loads(asked(name)).get("n") or 1)


def collected(deltas: list[Delta]) -> dict[int, dict[str, Any]]:
    """What a client would have in the end, choice by choice; -1 is the usage."""
    found: dict[int, dict[str, Any]] = {}
    for delta in deltas:
        one = found.setdefault(
            delta.index,
            {"text": "", "reasoning": "", "finish": None, "calls": {}, "tokens": [], "usage": None},
        )
        one["text"] += delta.text
        one["finish"] = delta.finish_reason or one["finish"]
        if delta.index == WHOLE:
            one["usage"] = (delta.prompt_tokens, delta.completion_tokens)
        if delta.details is None:
            continue
        one["reasoning"] += delta.details.reasoning
        one["tokens"] += [token.token for token in delta.details.logprobs]
        for call in delta.details.tool_calls:
            known = one["calls"].setdefault(call.index, {"id": None, "name": None, "arguments": ""})
            known["id"] = known["id"] or call.id
            known["name"] = known["name"] or call.name
            known["arguments"] += call.arguments
    return found


def expected(choice: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """The same of a plain answer's choice, straight from its JSON."""
    return {
        "text": choice.get("text") or said.get("content") or "",
        "reasoning": said.get("reasoning_content") or "",
        "finish": choice["finish_reason"],
        "calls": {
            place: {"id": call["id"], **call["function"]}
            for place, call in enumerate(said.get("tool_calls") or ())
        },
        "tokens": [
            token["token"] for token in ((choice.get("logprobs") or {}).get("content") or ())
        ],
        "usage": None,
    }


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_answer_has_all_that_its_json_has(name: str) -> None:
    answer = recorded(name)
    reader = CompletionReader(choices=choices(name))
    assert not reader.start(answer.status, answer.headers)
    found = collected(reader.decode(answer.body, end=True))
    told = json.loads(answer.body)
    usage = told["usage"]
    counts = (usage["prompt_tokens"] or None, usage["completion_tokens"] or None)
    assert found.pop(WHOLE)["usage"] == counts
    assert found == {one["index"]: expected(one, one.get("message", {})) for one in told["choices"]}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_has_all_that_its_events_have(name: str) -> None:
    answer = recorded(name)
    reader = StreamReader(choices=choices(name))
    assert reader.start(answer.status, answer.headers)
    deltas = [delta for chunk in answer.chunks for delta in reader.decode(chunk, end=False)]
    deltas += reader.decode(b"", end=True)
    reader.finish()
    found = collected(deltas)
    usage = found.pop(WHOLE, None)
    told = [event for event in answer.events if event.get("usage")]
    assert (usage is None) == (not told)
    if usage is not None:
        last = told[-1]["usage"]
        assert usage["usage"] == (last["prompt_tokens"], last["completion_tokens"] or None)
    for index, one in found.items():
        pieces = [
            choice
            for event in answer.events
            for choice in event["choices"]
            if choice["index"] == index
        ]
        said = [piece.get("delta") or {} for piece in pieces]
        text = [
            piece.get("text") or delta.get("content") or ""
            for piece, delta in zip(pieces, said, strict=True)
        ]
        assert one["text"] == "".join(text)
        assert one["reasoning"] == "".join(delta.get("reasoning_content") or "" for delta in said)
        assert one["finish"] == pieces[-1]["finish_reason"]
        calls = [call for delta in said for call in delta.get("tool_calls") or ()]
        assert {place: call["arguments"] for place, call in one["calls"].items()} == {
            place: "".join(
                call["function"].get("arguments", "") for call in calls if call["index"] == place
            )
            for place in {call["index"] for call in calls}
        }


SPOKEN = recorded("tools-required-parallel.stream")


@given(st.lists(st.integers(0, len(SPOKEN.body)), max_size=20))
def test_a_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    whole = StreamReader(choices=1)
    whole.start(200, SPOKEN.headers)
    cut = StreamReader(choices=1)
    cut.start(200, SPOKEN.headers)
    places = [0, *sorted(cuts), len(SPOKEN.body)]
    deltas = [
        delta
        for begin, end in pairwise(places)
        for delta in cut.decode(SPOKEN.body[begin:end], end=False)
    ]
    assert deltas == whole.decode(SPOKEN.body, end=True)


@pytest.mark.parametrize("name", names(EMBEDDINGS))
def test_embeddings_are_rows_of_float32(name: str) -> None:
    answer = recorded(name)
    told = json.loads(answer.body)
    reader = EmbeddingReader(rows=len(told["data"]))
    reader.start(answer.status, answer.headers)
    data, usage = reader.decode(answer.body, end=True)
    assert usage.prompt_tokens == told["usage"]["prompt_tokens"]
    assert data.details is not None
    found = data.details.data
    assert isinstance(found, Embeddings)
    rows = [list(struct.unpack(f"<{found.width}f", row)) for row in found.rows]
    numbers = [one["embedding"] for one in told["data"]]
    if not isinstance(numbers[0], str):
        assert rows == [
            list(struct.unpack(f"<{len(row)}f", struct.pack(f"<{len(row)}f", *row)))
            for row in numbers
        ]
    assert len(rows[0]) == found.width > 0


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"embedding": [1.0], "index": 0}],
        [{"embedding": [1.0], "index": 0}, {"embedding": [1.0, 2.0], "index": 1}],
        [{"embedding": [1.0], "index": 0}, {"embedding": [1.0], "index": 0}],
        [{"embedding": [], "index": 0}, {"embedding": [], "index": 1}],
        [{"embedding": "AAA", "index": 0}, {"embedding": "AAA", "index": 1}],
        [{"embedding": "AAAA", "index": 0}, {"embedding": "AAAA", "index": 1}],
        [{"embedding": [1e99], "index": 0}, {"embedding": [1e99], "index": 1}],
        [{"embedding": ["a"], "index": 0}, {"embedding": ["b"], "index": 1}],
    ],
)
def test_what_is_not_one_embedding_an_input_is_the_servers_fault(data: list[object]) -> None:
    reader = EmbeddingReader(rows=2)
    reader.start(200, {})
    with pytest.raises(BackendError):
        reader.decode(json.dumps({"data": data}).encode(), end=True)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 501, 503])
def test_no_word_of_an_error_goes_on(status: int) -> None:
    expected: dict[int, type[AnsweredError]] = {400: InvalidRequest, 503: BackendUnavailable}
    found = [
        name
        for path in (CHAT, COMPLETIONS, EMBEDDINGS, "/v1/nothing")
        for name in names(path, status)
    ]
    assert found
    for name in found:
        answer = recorded(name)
        error = failure(answer.status, answer.headers, answer.body)
        assert isinstance(error, expected.get(status, BackendError))
        told = json.loads(answer.body)["error"]
        assert told["message"] not in error.message


def test_what_is_too_long_says_so() -> None:
    answer = recorded("error-too-long.stream")
    reader = StreamReader(choices=1)
    assert not reader.start(answer.status, answer.headers)
    with pytest.raises(InvalidRequest) as raised:
        reader.decode(answer.body, end=True)
    assert raised.value.code == "context_length_exceeded"
