"""No string of a client's reaches a model that was not given to those who look at texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from extauth.errors import InvalidRequest
from extauth.settings import Model, Price
from extauth.tokens import ChatTemplate, LanguageModel
from extauth.tokens.tokenizer_json import TokenizerJson
from extauth.types.call import Infer
from extauth.types.call.tensors import pack
from tests.backends.served import OPENAI, TRITON, check, sent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.backends import Backend
    from extauth.clients import Codec
    from extauth.types.call import Call

CANARY = "Canary4111"
NUMBER = 4111111111111111
CALLED = {"name": CANARY, "arguments": json.dumps({CANARY: [f"x\n{CANARY}"]})}
SCHEMA = {
    "type": "object",
    "title": CANARY,
    "properties": {
        CANARY: {
            "description": CANARY,
            "enum": [CANARY, {"nested": [CANARY]}],
            "default": NUMBER,
            "examples": [[NUMBER]],
        }
    },
}
CHAT = {
    "model": "chat",
    "messages": [
        {"role": "system", "content": CANARY},
        {"role": "developer", "content": CANARY, "name": CANARY},
        {"role": "user", "content": [{"type": "text", "text": CANARY}], "name": CANARY},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": CANARY}, {"type": "refusal", "refusal": CANARY}],
            "name": CANARY,
            "refusal": CANARY,
            "annotations": [{"type": "url_citation", "url_citation": {"title": CANARY}}],
            "tool_calls": [{"id": CANARY, "type": "function", "function": CALLED}],
        },
        {"role": "assistant", "content": None, "refusal": CANARY},
        {"role": "tool", "content": CANARY, "tool_call_id": CANARY},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": CANARY, "description": CANARY, "parameters": SCHEMA},
        }
    ],
    "stop": [CANARY, CANARY],
    "user": CANARY,
    "metadata": {CANARY: CANARY},
    "prompt_cache_key": CANARY,
    "prompt_cache_options": {CANARY: CANARY},
    "prompt_cache_retention": CANARY,
    "safety_identifier": CANARY,
    "response_format": {"type": "json_schema", "json_schema": {CANARY: SCHEMA}},
}
TENSORS = {
    "id": CANARY,
    "inputs": [
        {"name": "text_input", "datatype": "BYTES", "shape": [1, 2], "data": [[CANARY, CANARY]]},
        {"name": "stop", "datatype": "BYTES", "shape": [1], "data": [CANARY]},
        {"name": "other", "datatype": "BYTES", "shape": [1], "data": [CANARY]},
    ],
}


def binary() -> tuple[bytes, dict[str, str]]:
    data = pack([CANARY.encode(), f"é {CANARY}".encode()])
    parameters = {"binary_data_size": len(data)}
    tensor = {"name": "t", "datatype": "BYTES", "shape": [2, 1], "parameters": parameters}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + data, {"inference-header-content-length": str(len(head))}


@pytest.fixture(scope="module")
def models(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LanguageModel]:
    """Models that are given everything which a template could give them."""
    template = tmp_path_factory.mktemp("template") / "chat_template.jinja"
    template.write_text("{{ messages | tojson }}{{ tools | tojson }}")

    def make(task: str) -> LanguageModel:
        settings = Model(
            name="model",
            backend="triton",
            task=task,
            versions=("1",),
            aliases={},
            default="1",
            context_length=512,
            price=Price(),
            region="eu",
            tokenizer="tokenizer.json",
        )
        return LanguageModel(
            settings, TokenizerJson(files / "tokenizer.json"), ChatTemplate(template)
        )

    return make


@pytest.mark.parametrize(
    ("path", "task", "body"),
    [
        ("/v1/chat/completions", "chat", CHAT),
        (
            "/v1/completions",
            "completion",
            {"model": "m", "prompt": CANARY, "stop": CANARY, "user": CANARY},
        ),
        ("/v1/completions", "completion", {"model": "m", "prompt": [CANARY]}),
        ("/v1/embeddings", "embedding", {"model": "m", "input": [CANARY] * 3, "user": CANARY}),
        (
            "/v2/models/m/generate",
            "chat",
            {"text_input": CANARY, "id": CANARY, "parameters": {"stop": [CANARY]}},
        ),
        ("/v2/models/m/generate_stream", "chat", {"text_input": CANARY, "stop": CANARY}),
        ("/v2/models/m/infer", "embedding", TENSORS),
        ("/v2/models/m/infer", "embedding", binary()),
    ],
)
@pytest.mark.parametrize("backend", [TRITON, OPENAI], ids=["triton", "openai"])
def test_what_reaches_the_model_is_among_the_texts(
    call: Callable[..., Codec],
    models: Callable[[str], LanguageModel],
    *,
    path: str,
    task: str,
    body: object,
    backend: Backend,
) -> None:
    model = models(task)
    codec = call(path, *body) if isinstance(body, tuple) else call(path, json.dumps(body).encode())
    read = codec.call.decoded(model.decode)

    def written(changed: Call) -> str:
        upstream = sent(changed, model, 5, backend=backend)
        return f"{upstream.path} {upstream.headers} {upstream.body.decode()}"

    if isinstance(read, Infer) and backend is OPENAI:
        with pytest.raises(InvalidRequest):
            check(read, backend)
        return
    texts = read.texts()
    assert len(read.sources()) == len(texts)
    assert CANARY in written(read)
    told = written(read.replace(["seen"] * len(texts)))
    assert CANARY not in told
    assert str(NUMBER) not in told
