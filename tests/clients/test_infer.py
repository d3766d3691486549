"""KServe's infer, as tritonclient writes and reads it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given
from hypothesis import strategies as st

from extauth.errors import BackendError, InvalidRequest
from extauth.types import Delta, Parameters, Usage
from extauth.types.answer import WHOLE
from extauth.types.call.tensors import Tensor, TensorHead, pack, read_tensors, unpack, write_tensors
from tests.backends.served import Served, sent

PATH = "/v2/models/embed/infer"
HEADER = "inference-header-content-length"


def tensor(name: str, values: list, datatype: str, *, binary: bool = True) -> triton.InferInput:
    dtype = {"BYTES": np.object_, "INT32": np.int32, "FP32": np.float32, "BOOL": np.bool_}[datatype]
    data = np.array(values, dtype=dtype)
    made = triton.InferInput(name, list(data.shape), datatype)
    made.set_data_from_numpy(data, binary_data=binary)
    return made


def texts(*values: str, name: str = "text_input", binary: bool = True) -> triton.InferInput:
    return tensor(name, [[value.encode()] for value in values], "BYTES", binary=binary)


def written(*inputs: triton.InferInput, **options: object) -> tuple[bytes, dict[str, str]]:
    body, length = triton.InferenceServerClient.generate_request_body(list(inputs), **options)
    return body, {} if length is None else {HEADER: str(length)}


def plain(*inputs: dict, **fields: object) -> bytes:
    return json.dumps({"inputs": list(inputs), **fields}).encode()


TEXT = {"name": "text_input", "datatype": "BYTES", "shape": [1], "data": ["hello"]}


def parts(request) -> tuple[dict, bytes]:
    length = int(dict(request.headers).get(HEADER, len(request.body)))
    return json.loads(request.body[:length]), request.body[length:]


@pytest.mark.parametrize("binary", [True, False])
def test_texts_are_replaced_and_lengths_follow(call, model, binary):
    made = model("embedding")
    numbers = tensor("weights", [1.5, 2.5], "FP32", binary=binary)
    parsed = call(PATH, *written(texts("héllo", "b", binary=binary), numbers, request_id="7")).call
    assert parsed.parameters == Parameters(inputs=2)
    assert parsed.texts() == ["héllo", "b"]
    changed = parsed.replace(["longer than before", ""])
    request = sent(changed, made, 0, version="2")
    assert request.path == "/v2/models/embedding/versions/2/infer"
    head, tail = parts(request)
    assert "id" not in head
    assert [(each["name"], each["shape"]) for each in head["inputs"]] == [
        ("text_input", [2, 1]),
        ("weights", [2]),
    ]
    if binary:
        sizes = [each["parameters"]["binary_data_size"] for each in head["inputs"]]
        assert sizes == [26, 8]
        assert unpack(tail[:26]) == [b"longer than before", b""]
        assert np.frombuffer(tail[26:], np.float32).tolist() == [1.5, 2.5]
        assert head["parameters"] == {"binary_data_output": True}
    else:
        assert [each["data"] for each in head["inputs"]] == [["longer than before", ""], [1.5, 2.5]]
        assert tail == b""


def test_inputs_behind_a_replaced_text_are_not_shifted(call, model):
    inputs = [texts("a", name="first"), tensor("numbers", [7], "INT32"), texts("b", name="last")]
    parsed = call(PATH, *written(*inputs)).call
    request = sent(parsed.replace(["aaaa", "bb"]), model("embedding"), 0)
    _, tail = parts(request)
    again = call(PATH, request.body, {HEADER: str(len(request.body) - len(tail))}).call
    assert again.texts() == ["aaaa", "bb"]
    assert again.tensors[1].numbers() == [7]


def test_sampling_inputs_are_facts(call):
    body, headers = written(
        texts("a"),
        tensor("max_tokens", [9], "INT32"),
        tensor("temperature", [[0.5]], "FP32", binary=False),
        tensor("stream", [False], "BOOL"),
        texts("x", "y", name="stop"),
    )
    parsed = call(PATH, body, headers).call
    assert parsed.parameters == Parameters(max_tokens=9, temperature=0.5, stop=2, inputs=1)
    assert parsed.texts() == ["a", "x", "y"]


@pytest.mark.parametrize("given_tokens", [None, 9])
def test_what_is_sent_is_what_is_reserved(call, model, given_tokens):
    inputs = [texts("a")]
    if given_tokens:
        inputs.insert(0, tensor("max_tokens", [[given_tokens]], "INT32"))
    parsed = call(PATH, *written(*inputs)).call
    made = model("completion")
    head, _ = parts(sent(parsed, made, 3))
    bounds = [each for each in head["inputs"] if each["name"] == "max_tokens"]
    assert bounds == [{"name": "max_tokens", "datatype": "INT32", "shape": [1, 1], "data": [3]}]


def test_a_model_that_generates_gets_one_prompt(call, model):
    with pytest.raises(InvalidRequest) as raised:
        model("completion").prompts(call(PATH, *written(texts("a", "b"))).call)
    assert raised.value.code == "unsupported_parameter"


def test_tensors_without_text_are_counted_as_an_empty_prompt(call, model):
    parsed = call(PATH, *written(tensor("numbers", [7], "INT32"))).call
    assert model("embedding").prompts(parsed) == [""]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 4), (2, 2), (1, 2, 1, 2)])
def test_texts_of_any_shape_and_encoding_are_counted_one_by_one(call, model, shape, binary):
    words = ["hello there", "wörld", "", "你好"]
    shaped = np.array([word.encode() for word in words], np.object_).reshape(shape)
    parsed = call(PATH, *written(tensor("text_input", shaped, "BYTES", binary=binary))).call
    made = model("embedding")
    assert made.prompts(parsed) == words
    assert made.counts(made.prompts(parsed)) == [made.tokenizer.count(word) for word in words]
    assert parsed.given_ids == 0


def test_nested_json_is_counted_like_flat(call, model):
    nested = {**TEXT, "shape": [2, 2], "data": [["a", "b"], ["c", "d"]]}
    assert model("embedding").prompts(call(PATH, plain(nested), {}).call) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("binary", [True, False])
def test_ids_are_tokens_where_there_is_no_text(call, binary):
    ids = tensor("input_ids", [[5, 6, 7], [8, 9, 0]], "INT32", binary=binary)
    mask = tensor("attention_mask", [[1, 1, 1], [1, 1, 0]], "INT32", binary=binary)
    seed = tensor("max_tokens", [9], "INT32", binary=binary)
    weights = tensor("weights", [0.5] * 9, "FP32", binary=binary)
    assert call(PATH, *written(ids, mask, seed, weights)).call.given_ids == 6
    assert call(PATH, *written(weights)).call.given_ids == 0
    assert call(PATH, *written(texts("hello"), ids)).call.given_ids == 0


def test_nobody_forges_a_turn(call, model):
    with pytest.raises(InvalidRequest) as raised:
        model("embedding").prompts(call(PATH, *written(texts("<|end|>"))).call)
    assert raised.value.code == "control_token"


SHARED = {"shared_memory_region": "r", "shared_memory_byte_size": 8}


@pytest.mark.parametrize(
    "body",
    [
        plain(TEXT, parameters={"priority": 1}),
        plain(TEXT, parameters={"timeout": 1}),
        plain(TEXT, parameters={"sequence_id": 1}),
        plain(TEXT, parameters={"triton_x": 1}),
        plain(TEXT, parameters={"headers": {}}),
        plain({"name": "a", "datatype": "FP32", "shape": [2], "parameters": SHARED}),
        plain(TEXT, outputs=[{"name": "o", "parameters": SHARED}]),
        plain(TEXT, outputs=[{"name": "o", "parameters": {"classification": 1}}]),
        plain(TEXT, colour=1),
        plain({**TEXT, "colour": 1}),
    ],
)
def test_what_is_the_gateways_is_refused(call, body):
    with pytest.raises(InvalidRequest) as raised:
        call(PATH, body)
    assert raised.value.code == "unknown_parameter"


@pytest.mark.parametrize(
    "body",
    [
        plain(),
        plain(TEXT, TEXT),
        plain({**TEXT, "datatype": "STRING"}),
        plain({**TEXT, "name": "a b"}),
        plain({**TEXT, "shape": [-1]}),
        plain({**TEXT, "shape": [2]}),
        plain({**TEXT, "data": [5]}),
        plain({**TEXT, "data": "hello"}),
        plain({**TEXT, "data": {"a": 1}}),
        plain({"name": "a", "datatype": "BYTES", "shape": [1]}),
        plain({**TEXT, "datatype": "FP32"}),
        plain({**TEXT, "parameters": {"binary_data_size": 4}}),
        plain(TEXT, {"name": "max_tokens", "datatype": "INT32", "shape": [2], "data": [1, 2]}),
        plain(TEXT, {"name": "max_tokens", "datatype": "INT32", "shape": [1], "data": [0]}),
        plain(TEXT, {"name": "max_tokens", "datatype": "FP32", "shape": [1], "data": [1.5]}),
        plain(TEXT, {"name": "stream", "datatype": "BOOL", "shape": [1], "data": [True]}),
    ],
)
def test_tensors_that_do_not_add_up_are_refused(call, body):
    with pytest.raises(InvalidRequest):
        call(PATH, body)


@pytest.mark.parametrize("length", ["", "x", "-1", "0", "1", "99999", "9" * 30, "٣"])
def test_the_length_of_the_json_must_be_true(call, length):
    body, _ = written(texts("a"))
    with pytest.raises(InvalidRequest):
        call(PATH, body, {HEADER: length})


@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b"x"])
def test_binary_data_is_as_long_as_it_says(call, change):
    body, headers = written(texts("a"))
    with pytest.raises(InvalidRequest):
        call(PATH, change(body), headers)


def test_text_that_nobody_can_read_is_refused(call):
    raw = tensor("text_input", [b"\xff\xfe"], "BYTES")
    with pytest.raises(InvalidRequest) as raised:
        call(PATH, *written(raw))
    assert raised.value.code == "unreadable_text"


def answer(
    call, body: bytes, headers: dict[str, str], change=lambda text: text, **options: object
) -> triton.InferResult:
    """Triton's answer, its texts changed on the way, as tritonclient reads it."""
    codec = Served(call(PATH, *written(texts("a"), **options)))
    codec.start(200, headers)
    deltas = codec.decode(body[:5], end=False) + codec.decode(body[5:], end=True)
    data, *deltas = deltas
    codec.encode([data])
    for delta in deltas:
        middle = len(delta.text) // 2
        codec.encode([Delta(delta.index, change(delta.text[:middle]))])
        codec.encode([Delta(delta.index, change(delta.text[middle:]), delta.finish_reason)])
    whole = codec.finish(Usage())
    length = dict(codec.writer.headers).get(HEADER)
    return triton.InferenceServerClient.parse_response_body(
        whole, header_length=None if length is None else int(length)
    )


def outputs(*, binary: bool) -> tuple[bytes, dict[str, str]]:
    tensors = [
        Tensor("text_output", "BYTES", [2], binary, b"", ["one", "two"]),
        Tensor("finish_reason", "BYTES", [2], binary, b"", ["stop", "stop"]),
        Tensor("raw", "BYTES", [1], True, pack([b"\xff"])),
        Tensor("completion_tokens", "INT32", [2], False, b"[3,4]"),
        Tensor("scores", "FP32", [2], True, np.array([1.5, 2.5], np.float32).tobytes()),
    ]
    heads, tail = write_tensors(tensors)
    described = [
        {
            "name": head.name,
            "datatype": head.datatype,
            "shape": head.shape,
            **(
                {"parameters": {"binary_data_size": head.parameters.binary_data_size}}
                if head.parameters
                else {"data": json.loads(bytes(head.data))}
            ),
        }
        for head in heads
    ]
    head = json.dumps(
        {"model_name": "m", "model_version": "1", "outputs": described, "id": "triton's"}
    ).encode()
    return head + tail, {HEADER: str(len(head))}


@pytest.mark.parametrize("binary", [True, False])
def test_texts_are_restored_and_the_rest_is_untouched(call, binary):
    got = answer(
        call, *outputs(binary=binary), change=lambda text: text.upper() * 2, request_id="7"
    )
    assert got.as_numpy("text_output").tolist() == [
        *([b"OONENE", b"TTWOWO"] if binary else ["OONENE", "TTWOWO"])
    ]
    assert got.as_numpy("finish_reason").tolist() == [
        *([b"STSTOPOP"] * 2 if binary else ["STSTOPOP"] * 2)
    ]
    assert got.as_numpy("raw").tolist() == [b"\xff\xff"]
    assert got.as_numpy("scores").tolist() == [1.5, 2.5]
    response = got.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == ("m", "1", "7")


def test_tokens_belong_to_the_text_that_they_made(call):
    body, headers = outputs(binary=True)
    codec = Served(call(PATH, *written(texts("a"))))
    codec.start(200, headers)
    data, *deltas = codec.decode(body, end=True)
    assert (data.index, data.text) == (WHOLE, "")
    assert deltas == [
        Delta(0, "one", "stop", 3),
        Delta(1, "two", "stop", 4),
        Delta(2, "stop", "stop", 0),
        Delta(3, "stop", "stop", 0),
        Delta(4, "\udcff", "stop", 0),
    ]
    codec.encode([data])
    assert codec.writer.content_type == "application/octet-stream"


def test_words_beside_the_tensors_are_left_out(call):
    codec = Served(call(PATH, plain(TEXT)))
    outputs = {"model_name": "m", "model_version": "1", "outputs": []}
    parameters = {"sequence_id": 3, "sequence_end": True, "thought": "4111111111111111"}
    answer = json.dumps({**outputs, "parameters": parameters}).encode()
    codec.encode(codec.decode(answer, end=True))
    told = json.loads(codec.finish(Usage()))
    assert told["parameters"] == {"sequence_id": 3, "sequence_end": True}


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"outputs":[]}', outputs(binary=True)[0]])
def test_a_malformed_answer_is_the_backends_fault(call, body):
    codec = Served(call(PATH, plain(TEXT)))
    with pytest.raises(BackendError):
        codec.decode(body, end=True)


def test_an_answer_that_never_ends_is_the_backends_fault(call):
    codec = Served(call(PATH, plain(TEXT)))
    codec.decode(b"{", end=False)
    with pytest.raises(BackendError):
        codec.finish(Usage())


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_elements_survive_packing(elements):
    assert unpack(pack(elements)) == elements


@given(st.binary(max_size=60))
def test_any_bytes_unpack_to_themselves_or_not_at_all(data):
    try:
        elements = unpack(data)
    except ValueError:
        return
    assert pack(elements) == data


UTF8 = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(st.booleans(), st.lists(UTF8, max_size=4)), max_size=5))
def test_tensors_survive_the_wire(shapes):
    tensors = [
        Tensor(f"t{place}", "BYTES", [len(elements)], binary, b"", elements)
        for place, (binary, elements) in enumerate(shapes)
    ]
    heads, tail = write_tensors(tensors)
    again = read_tensors([TensorHead(*_fields(head)) for head in heads], tail)
    assert [each.texts for each in again] == [each.texts for each in tensors]
    assert [each.binary for each in again] == [each.binary for each in tensors]


def _fields(head: TensorHead) -> tuple:
    return head.name, head.datatype, head.shape, head.parameters, head.data
