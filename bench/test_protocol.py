"""What translation costs a request: parsing, counting, rewriting, and each chunk of an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.backends import open_backend
from extauth.clients import parse_request, parse_target
from extauth.settings import BackendSettings, Model, Price
from extauth.tokens import ChatTemplate, LanguageModel
from extauth.tokens.tokenizer_json import TokenizerJson
from extauth.types import Delta, RequestHead, Usage

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from extauth.backends import AnswerReader
    from extauth.clients import AnswerWriter, Codec

FILES = Path(__file__).parents[1] / "triton" / "models" / "chat"
PATH = "/v1/chat/completions"
TRITON = open_backend(BackendSettings("triton", "triton", "triton", "cpu", "eu"))
TURNS = 5


def chat(size: int, turns: int = TURNS) -> bytes:
    """A chat of `turns` messages and about `size` bytes."""
    line = "Please tell me what a gateway does with a request, and why that matters to us. "
    text = (line * (size // len(line) + 1))[: size // turns - 40]
    messages = [{"role": "user", "content": text} for _ in range(turns)]
    return json.dumps(
        {
            "model": "chat",
            "messages": messages,
            "max_tokens": 64,
            "temperature": 0.7,
            "stream": True,
        }
    ).encode()


BODIES = {"1k": chat(1024), "16k": chat(16384, 80)}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    settings = Model(
        name="chat",
        backend="triton",
        task="chat",
        versions=("1",),
        aliases={},
        default="1",
        context_length=1024,
        price=Price(),
        region="eu",
        tokenizer="tokenizer.json",
    )
    tokenizer = TokenizerJson(FILES / "tokenizer.json")
    return LanguageModel(settings, tokenizer, ChatTemplate(FILES / "chat_template.jinja"))


def parsed(body: bytes) -> Codec:
    head = RequestHead("r", "POST", PATH, "", {"content-type": "application/json"}, "127.0.0.1")
    return parse_request(parse_target("POST", PATH), head, body, depth=32)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_parse(benchmark: BenchmarkFixture, body: bytes) -> None:
    assert benchmark(parsed, body).call.parameters.max_tokens == 64


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_texts(benchmark: BenchmarkFixture, body: bytes) -> None:
    assert benchmark(parsed(body).call.texts)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_render(benchmark: BenchmarkFixture, model: LanguageModel, body: bytes) -> None:
    assert benchmark(model.prompts, parsed(body).call)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_count(benchmark: BenchmarkFixture, model: LanguageModel, body: bytes) -> None:
    assert benchmark(model.counts, model.prompts(parsed(body).call))[0] > 100


def test_rewrite(benchmark: BenchmarkFixture, model: LanguageModel) -> None:
    call = parsed(BODIES["1k"]).call
    prompts = model.prompts(call)
    assert benchmark(TRITON.request, call, model.settings, "1", prompts, 64).body


def served(*, stream: bool) -> tuple[AnswerReader, AnswerWriter]:
    body = json.loads(BODIES["1k"]) | {"stream": stream}
    codec = parsed(json.dumps(body).encode())
    reader = TRITON.reader(codec.call)
    reader.start(200, {"content-type": "text/event-stream"})
    return reader, codec.writer(model_label="chat@1", request_id="0f6a", created=1)


def test_decode_a_chunk(benchmark: BenchmarkFixture) -> None:
    event = (
        b'data: {"completion_tokens":1,"finish_reason":"","index":0,"model_name":"chat",'
        b'"model_version":"1","prompt_tokens":9,"text_output":" gateway"}\n\n'
    )
    assert benchmark(served(stream=True)[0].decode, event, end=False)


def test_encode_a_chunk(benchmark: BenchmarkFixture) -> None:
    assert benchmark(served(stream=True)[1].encode, [Delta(0, " gateway", None, 1)])


def test_a_plain_answer(benchmark: BenchmarkFixture) -> None:
    whole = json.dumps(
        {"text_output": "x " * 200, "finish_reason": "stop", "index": 0, "completion_tokens": 200}
    ).encode()

    def answer() -> bytes:
        reader, writer = served(stream=False)
        writer.encode(reader.decode(whole, end=True))
        written: bytes = writer.finish(Usage(10, 200))
        return written

    assert benchmark(answer)
