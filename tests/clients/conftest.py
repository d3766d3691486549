"""A request's neighbours: a head, and models with a tiny tokenizer of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from extauth.clients.parse import parse_request
from extauth.clients.target import parse_target
from extauth.settings import Model, Price
from extauth.tokens import ChatTemplate, LanguageModel
from extauth.tokens.tokenizer_json import TokenizerJson
from extauth.types import RequestHead

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.clients.codec import Codec

TEMPLATE = """\
{%- for message in messages -%}
<|{{ message.role }}|>{{ message.content }}<|end|>
{%- endfor -%}
{%- if tools %}<|tools|>{{ tools | map(attribute="function.name") | join(",") }}{% endif -%}
<|assistant|>"""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a tokenizer.json and a chat_template.jinja."""
    directory = tmp_path_factory.mktemp("model")
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["hello world, hello there"] * 4, trainer)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "chat_template.jinja").write_text(TEMPLATE)
    return directory


@pytest.fixture(scope="session")
def model(files: Path) -> Callable[..., LanguageModel]:
    """Makes a model for a task."""

    def make(task: str = "chat") -> LanguageModel:
        settings = Model(
            name=task,
            backend="triton",
            task=task,
            versions=("1", "2"),
            aliases={},
            default="1",
            context_length=512,
            price=Price(),
            region="eu",
            tokenizer="tokenizer.json",
        )
        template = ChatTemplate(files / "chat_template.jinja") if task == "chat" else None
        return LanguageModel(settings, TokenizerJson(files / "tokenizer.json"), template)

    return make


@pytest.fixture
def call() -> Callable[..., Codec]:
    """Parses a POST as the pipeline does."""

    def parse(
        path: str, body: bytes, headers: dict[str, str] | None = None, depth: int = 32
    ) -> Codec:
        head = RequestHead("r1", "POST", path, "", headers or {}, "127.0.0.1")
        return parse_request(parse_target("POST", path), head, body, depth=depth)

    return parse
