"""KServe's generate and generate_stream."""

from __future__ import annotations

import json

import msgspec
import pytest

from extauth.errors import BackendError, BackendUnavailable, InvalidRequest
from extauth.types import Delta, ModelReference, Parameters, Usage
from tests.backends.served import Served, sent

PLAIN = "/v2/models/chat/generate"
STREAM = "/v2/models/chat/versions/2/generate_stream"


def body(**fields: object) -> bytes:
    return json.dumps({"text_input": "hello", **fields}).encode()


def response(**fields: object) -> dict[str, object]:
    return {"model_name": "chat", "model_version": "2", **fields}


def events(*fields: dict[str, object]) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in fields)


def codec(call, path: str, **fields: object):
    made = Served(call(path, body(**fields)))
    made.start(200, {"content-type": "text/event-stream"})
    return made


def test_facts_are_what_the_client_asked_for(call):
    parsed = call(STREAM, body(max_tokens=5, temperature=0, n=2, stop=["a", "b"], seed=1)).call
    assert parsed.reference == ModelReference("chat", version="2")
    assert parsed.parameters == Parameters(
        max_tokens=5, temperature=0.0, n=2, stop=2, seed=1, stream=True
    )


def test_parameters_may_be_nested(call):
    nested = call(PLAIN, body(parameters={"max_tokens": 5, "stream": False}, temperature=1)).call
    assert nested.parameters == Parameters(max_tokens=5, temperature=1.0)


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        (PLAIN, {"max_tokens": 0}, "max_tokens"),
        (PLAIN, {"colour": 1}, "colour"),
        (PLAIN, {"priority": 1}, "priority"),
        (PLAIN, {"sequence_id": 1}, "sequence_id"),
        (PLAIN, {"parameters": {"priority": 1}}, "parameters.priority"),
        (PLAIN, {"parameters": {"max_tokens": 0}}, "parameters.max_tokens"),
        (PLAIN, {"max_tokens": 1, "parameters": {"max_tokens": 9}}, "parameters.max_tokens"),
        (PLAIN, {"stream": True}, "stream"),
        (STREAM, {"stream": False}, "stream"),
        (PLAIN, {"text_input": None}, "text_input"),
        (PLAIN, {"text_input": ["a"]}, "text_input"),
    ],
)
def test_a_bad_field_is_named(call, path, fields, param):
    with pytest.raises(InvalidRequest) as raised:
        call(path, body(**fields))
    assert raised.value.param == param


def test_the_request_is_written_anew(call, model):
    parsed = call(STREAM, body(id="mine", parameters={"stop": "x", "top_p": 0.5})).call
    assert parsed.texts() == ["hello", "x"]
    assert parsed.replace(parsed.texts()) == parsed
    changed = parsed.replace(["HELLO", "X"])
    request = sent(changed, model(), 7, version="2")
    assert request.path == "/v2/models/chat/versions/2/generate_stream"
    assert json.loads(request.body) == {
        "text_input": "HELLO",
        "stream": True,
        "max_tokens": 7,
        "top_p": 0.5,
        "stop": ["X"],
    }


def test_nobody_forges_a_turn(call, model):
    with pytest.raises(InvalidRequest) as raised:
        model().prompts(call(PLAIN, body(text_input="<|end|>")).call)
    assert raised.value.code == "control_token"


def test_an_answer_keeps_its_shape_and_what_is_unknown(call):
    made = codec(call, PLAIN, id="mine")
    sent = response(
        text_output="A", finish_reason="stop", index=0, completion_tokens=3, prompt_tokens=2, x=[1]
    )
    beside, *deltas = made.decode(json.dumps({**sent, "id": "tritons"}).encode(), end=True)
    assert deltas == [Delta(0, "A", "stop", 3, 2)]
    made.encode([beside, Delta(0, "a"), Delta(0, "b", "stop", 3, 2)])
    assert json.loads(made.finish(Usage(2))) == {**sent, "text_output": "ab", "id": "mine"}


def test_whatever_else_a_model_says_is_text_too(call):
    made = codec(call, PLAIN)
    sent = response(text_output="A", finish_reason="stop", thought="B", quotes=["C", "D"], x=[1])
    beside, *deltas = made.decode(json.dumps(sent).encode(), end=True)
    assert [delta.text for delta in deltas] == ["A", "B", "C", "D"]
    assert len({delta.index for delta in deltas}) == 4
    lower = [msgspec.structs.replace(delta, text=delta.text.lower()) for delta in deltas]
    made.encode([beside, *lower])
    told = json.loads(made.finish(Usage()))
    assert (told["text_output"], told["thought"], told["quotes"]) == ("a", "b", ["c", "d"])
    assert told["x"] == [1]


def test_a_stream_has_them_one_by_one(call):
    made = codec(call, STREAM)
    sent = response(text_output="A", thought="B"), response(text_output="", thought="C")
    beside, *deltas = made.decode(events(*sent), end=True)
    assert beside.details.data == {"model_name": "chat", "model_version": "2"}
    assert [(delta.index, delta.text) for delta in deltas] == [
        (0, "A"),
        (1, "B"),
        (0, ""),
        (1, "C"),
    ]
    written = made.encode([msgspec.structs.replace(deltas[3], text="c")])
    assert json.loads(written[6:])["thought"] == "c"


@pytest.mark.parametrize("thought", [["a", 1], {"a": "b"}, [["a"]]])
def test_words_that_are_no_tensor_are_the_backends_fault(call, thought):
    with pytest.raises(BackendError):
        codec(call, PLAIN).decode(json.dumps(response(thought=thought)).encode(), end=True)


def test_an_answer_of_several_choices_has_lists(call):
    made = codec(call, PLAIN, n=2)
    sent = response(
        text_output=["A", "B"],
        finish_reason=["stop", "length"],
        index=[0, 1],
        completion_tokens=[3, 4],
    )
    made.encode(made.decode(json.dumps(sent).encode(), end=True))
    assert json.loads(made.finish(Usage())) == sent


def test_a_stream_keeps_its_shape(call):
    made = codec(call, STREAM)
    sent = [
        response(text_output="A", finish_reason="", index=0, completion_tokens=1, prompt_tokens=4),
        response(text_output="", finish_reason="stop", index=0, completion_tokens=2),
    ]
    written = made.encode(made.decode(events(sent[0]), end=False))
    written += made.encode(made.decode(events(sent[1]), end=True)) + made.finish(Usage())
    got = [json.loads(event[6:]) for event in written.split(b"\n\n")[:-1]]
    assert got == [sent[0], {**sent[1], "prompt_tokens": 4}]
    assert made.writer.content_type == "text/event-stream"


def test_a_delta_that_says_nothing_is_no_event(call):
    assert codec(call, STREAM).encode([Delta(0, "")]) == b""


def test_an_error_in_a_stream_reads_as_tritons(call):
    written = codec(call, STREAM).error(BackendUnavailable("Full."))
    assert written == b'data: {"error":"Full."}\n\n'


def test_a_stream_of_a_model_without_finish_reasons_ends_all_the_same(call):
    made = codec(call, STREAM)
    made.encode(made.decode(events(response(text_output="A")), end=True))
    assert made.finish(Usage()) == b""


def test_an_error_behind_the_last_text_is_told(call):
    made = codec(call, STREAM)
    made.decode(events(response(text_output="A"), {"error": "boom"}), end=True)
    with pytest.raises(BackendError):
        made.finish(Usage())
