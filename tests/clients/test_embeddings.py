from __future__ import annotations

import array
import json
import struct

import httpx2 as httpx
import openai
import pytest

from extauth.errors import BackendError, InvalidRequest
from extauth.types import Parameters, Usage
from tests.backends.served import Served, sent

PATH = "/v1/embeddings"
ROWS = [[0.5, -1.25, 3.0], [0.1, 0.2, 0.3]]


def body(**fields: object) -> bytes:
    return json.dumps({"model": "embed", "input": ["a", "b"], **fields}).encode()


def triton(rows=ROWS, **changes: object) -> tuple[bytes, dict[str, str]]:
    """Triton's answer with a binary `embedding` and its headers."""
    data = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
    output = {
        "name": "embedding",
        "datatype": "FP32",
        "shape": [len(rows), len(rows[0])],
        "parameters": {"binary_data_size": len(data)},
        **changes,
    }
    head = json.dumps({"model_name": "embed", "model_version": "1", "outputs": [output]}).encode()
    return head + data, {"inference-header-content-length": str(len(head))}


def answer(call, request: bytes, reply: tuple[bytes, dict[str, str]]) -> bytes:
    served = Served(call(PATH, request), label="embed@1")
    assert not served.start(200, reply[1])
    middle = len(reply[0]) // 2
    assert served.decode(reply[0][:middle], end=False) == []
    assert served.encode(served.decode(reply[0][middle:], end=True)) == b""
    return served.finish(Usage(6, 0))


def test_inputs_go_in_one_batch(call, model):
    made = model("embedding")
    parsed = call(PATH, body()).call
    assert parsed.parameters == Parameters(inputs=2)
    changed = parsed.replace(["A", "B"])
    request = sent(changed, made)
    assert request.path == "/v2/models/embedding/versions/1/infer"
    assert json.loads(request.body) == {
        "inputs": [
            {"name": "text_input", "shape": [2, 1], "datatype": "BYTES", "data": ["A", "B"]}
        ],
        "outputs": [{"name": "embedding", "parameters": {"binary_data": True}}],
    }
    assert parsed.replace(parsed.texts()) == parsed


def test_token_ids_are_text_of_the_models_tokenizer(call, model):
    made = model("embedding")
    ids = [made.tokenizer._tokenizer.encode(text).ids for text in ("hello", "there")]
    assert made.prompts(call(PATH, body(input=ids)).call.decoded(made.decode)) == ["hello", "there"]


def test_numbers(call):
    got = json.loads(answer(call, body(encoding_format="float"), triton()))
    assert got["object"] == "list"
    assert got["model"] == "embed@1"
    assert got["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    assert [(item["object"], item["index"]) for item in got["data"]] == [
        ("embedding", 0),
        ("embedding", 1),
    ]
    assert [list(array.array("f", item["embedding"])) for item in got["data"]] == [
        list(array.array("f", row)) for row in ROWS
    ]


@pytest.mark.parametrize("encoding", ["float", "base64", openai.omit])
def test_the_official_client_reads_either_encoding(call, encoding):
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=answer(call, request.content, triton()))

    with (
        httpx.Client(transport=httpx.MockTransport(handle)) as http,
        openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http) as api,
    ):
        got = api.embeddings.create(model="embed", input=["a", "b"], encoding_format=encoding)
    first = got.data[0].embedding
    assert first == (ROWS[0] if encoding != "base64" else "AAAAPwAAoL8AAEBA")


def test_equal_dimensions_change_nothing(call):
    assert json.loads(answer(call, body(dimensions=3), triton()))["data"]


def test_other_dimensions_are_refused(call):
    with pytest.raises(InvalidRequest) as raised:
        answer(call, body(dimensions=2), triton())
    assert raised.value.param == "dimensions"


@pytest.mark.parametrize(
    "reply",
    [
        triton(ROWS[:1]),
        triton(name="other"),
        triton(datatype="FP64"),
        triton(shape=[2, 4]),
        triton(shape=[6]),
        (triton()[0], {}),
        (triton()[0][:-1], triton()[1]),
        (triton()[0], {"inference-header-content-length": "x"}),
        (b"", {}),
    ],
)
def test_anything_else_is_the_backends_fault(call, reply):
    with pytest.raises(BackendError):
        answer(call, body(), reply)


@pytest.mark.parametrize(
    "fields",
    [
        {"input": ""},
        {"input": []},
        {"input": ["a"] * 2049},
        {"input": None},
        {"encoding_format": "hex"},
        {"dimensions": 0},
        {"stream": True},
    ],
)
def test_a_bad_field_is_named(call, fields):
    with pytest.raises(InvalidRequest) as raised:
        call(PATH, body(**fields))
    assert raised.value.param == next(iter(fields))


def test_a_chat_model_embeds_nothing(call, model):
    with pytest.raises(InvalidRequest) as raised:
        model().prompts(call(PATH, body()).call)
    assert raised.value.code == "unsupported_operation"
