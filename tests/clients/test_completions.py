from __future__ import annotations

import json

import pytest

from extauth.errors import InvalidRequest
from extauth.types import Parameters
from tests.backends.served import check, sent

PATH = "/v1/completions"


def body(**fields: object) -> bytes:
    return json.dumps({"model": "chat", "prompt": "hello", **fields}).encode()


def test_facts_are_what_the_client_asked_for(call):
    parsed = call(PATH, body(prompt=["a", "b"], max_tokens=5, n=2, stop="x", stream=True)).call
    assert parsed.parameters == Parameters(max_tokens=5, n=2, stop=1, stream=True, inputs=2)


def test_a_prompt_is_given_as_it_is(call, model):
    parsed = call(PATH, body(stop=["x"], temperature=0.5)).call
    assert parsed.texts() == ["hello", "x"]
    changed = parsed.replace(["HELLO", "X"])
    request = sent(changed, model("completion"), 4)
    assert request.path == "/v2/models/completion/versions/1/generate"
    assert json.loads(request.body) == {
        "text_input": "HELLO",
        "stream": False,
        "max_tokens": 4,
        "temperature": 0.5,
        "stop": ["X"],
    }
    assert parsed.replace(parsed.texts()) == parsed


def test_token_ids_are_text_of_the_models_tokenizer(call, model):
    made = model()
    ids = made.tokenizer._tokenizer.encode("hello there").ids
    parsed = call(PATH, body(prompt=ids)).call
    assert parsed.parameters.inputs == 1
    assert parsed.decoded(made.decode).texts() == ["hello there"]
    assert made.prompts(parsed.decoded(made.decode)) == ["hello there"]


def test_token_ids_forge_no_turn(call, model):
    made = model()
    with pytest.raises(InvalidRequest) as raised:
        made.prompts(call(PATH, body(prompt=[0])).call.decoded(made.decode))
    assert raised.value.code == "control_token"


@pytest.mark.parametrize("token", [300, 2**32 - 1])
def test_an_id_that_the_model_does_not_have_is_refused(call, model, token):
    with pytest.raises(InvalidRequest) as raised:
        call(PATH, body(prompt=[token])).call.decoded(model().decode)
    assert raised.value.code == "invalid_token"


def test_ids_that_nobody_decoded_are_never_skipped(call, model):
    parsed = call(PATH, body(prompt=[5])).call
    assert parsed.texts() == ["5"]
    with pytest.raises(InvalidRequest):
        model().prompts(parsed)


@pytest.mark.parametrize(
    "prompt", ["", [], [""], [[]], [1, "a"], [[1], 2], [-1], [1.5], None, [{}]]
)
def test_a_prompt_is_texts_or_ids(call, prompt):
    with pytest.raises(InvalidRequest) as raised:
        call(PATH, body(prompt=prompt))
    assert raised.value.param.startswith("prompt")


def test_stream_options_are_for_streams(call):
    with pytest.raises(InvalidRequest) as raised:
        call(PATH, body(stream_options={"include_usage": True}))
    assert raised.value.param == "stream_options"


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ["a", "b"]},
        {"best_of": 3},
        {"echo": True},
        {"logprobs": 0},
        {"suffix": "x"},
        {"logit_bias": {"5": 1}},
    ],
)
def test_what_triton_has_no_word_for_is_refused_after_parsing(call, fields):
    with pytest.raises(InvalidRequest) as raised:
        check(call(PATH, body(**fields)).call)
    assert raised.value.code == "unsupported_parameter"
    assert raised.value.param == next(iter(fields))


def test_what_asks_for_nothing_is_ignored(call):
    parsed = call(PATH, body(n=2, best_of=2, echo=False, suffix="", logprobs=None, user="u")).call
    assert parsed.asks == (("n", "n"),)


def test_a_model_for_embeddings_completes_nothing(call, model):
    with pytest.raises(InvalidRequest) as raised:
        model("embedding").prompts(call(PATH, body()).call)
    assert raised.value.code == "unsupported_operation"
