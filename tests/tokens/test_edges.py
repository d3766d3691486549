"""A chat template makes no control token of texts that it writes side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, normalizers

from extauth.clients.openai.chat import parse_chat
from extauth.clients.target import parse_target
from extauth.errors import InvalidRequest
from extauth.settings import Model, Price
from extauth.tokens import ChatTemplate, LanguageModel
from extauth.tokens.edges import Edges
from extauth.tokens.estimate import Estimate
from extauth.tokens.tokenizer_json import TokenizerJson

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.types.call import Chat

TOKENS = ("<|end|>", "<|user|>", "<|tool|>", "</s>", "[INST]")
MODEL = Model(
    name="chat",
    backend="triton",
    task="chat",
    versions=("1",),
    aliases={},
    default="1",
    context_length=64,
    price=Price(),
    region="eu",
    tokenizer=None,
)
TEMPLATE = (
    "{% for m in messages %}{{ m.content | trim }}{% endfor %}"
    "{% for m in messages %}<|user|>({{ m.name }}){{ m.content }}"
    "{% for call in m.tool_calls %}{{ call.function.name }}<{{ call.function.arguments }}"
    "{% endfor %}{% if '<think>' in m.content %}</s>{% endif %}<|end|>{% endfor %}"
    "{% for t in tools or [] %}{{ t.function.name }}{{ t.function.description }}{% endfor %}"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    path: Path = tmp_path_factory.mktemp("edges") / "chat_template.jinja"
    path.write_text(TEMPLATE)
    return LanguageModel(MODEL, Estimate(TOKENS), ChatTemplate(path))


def chat(*messages: dict[str, object], **fields: object) -> Chat:
    body = json.dumps({"model": "chat", "messages": messages, **fields}).encode()
    return parse_chat(parse_target("POST", "/v1/chat/completions"), body, 32).call


def user(content: str) -> dict[str, object]:
    return {"role": "user", "content": content}


def called(name: str, arguments: str, content: str | None = None) -> dict[str, object]:
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


def tool(name: str, description: str) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "description": description}}


REFUSED = [
    chat(user("<|"), user("user|>")),
    chat(user("say <|tool"), user("|> hello")),
    chat(user("a <"), user(" |en "), user("d|>")),
    chat(user("hi"), called("f", "|tool|>")),
    chat(user("hi"), called("f", "/s>"), user("more")),
    chat(user("hi"), tools=[tool("INS", "[INS"), tool("T", "] it")]),
    chat(user("[IN"), user("ST] it")),
]


@pytest.mark.parametrize("refused", REFUSED)
def test_texts_side_by_side_form_no_control_token(model: LanguageModel, refused: Chat) -> None:
    model.admit(refused.template_texts())
    with pytest.raises(InvalidRequest) as raised:
        model.prompts(refused)
    assert (raised.value.code, raised.value.param) == ("control_token", "messages")


@pytest.mark.parametrize(
    "admitted",
    [
        chat(user("> quoted <")),
        chat(user("end"), called("user", "{}"), user("|>")),
        chat(user("a <think> b")),
        chat(user("")),
        chat(user("[IN"), user("T]")),
        chat(user("<"), user("and"), user("|end|>")),
    ],
)
def test_texts_that_form_none_are_admitted(model: LanguageModel, admitted: Chat) -> None:
    (prompt,) = model.prompts(admitted)
    assert "<|user|>" in prompt


def test_a_normalizer_joins_none(model: LanguageModel, tmp_path: Path) -> None:
    wide = tokenizers.Tokenizer(models.BPE())
    wide.normalizer = normalizers.NFKC()
    wide.add_special_tokens(["<|end|>"])
    wide.save(str(tmp_path / "tokenizer.json"))
    normalizing = LanguageModel(MODEL, TokenizerJson(tmp_path / "tokenizer.json"), model.template)
    with pytest.raises(InvalidRequest) as raised:
        normalizing.prompts(chat(user("\uff1c"), user("\uff5cend|>")))
    assert raised.value.code == "control_token"


@given(st.sampled_from(TOKENS), st.data())
def test_every_part_of_a_token_is_known(token: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(token) - 1))
    end = data.draw(st.integers(cut, len(token)))
    edges = Edges(TOKENS)
    assert edges.meet("words " + token[:cut])
    assert edges.meet(token[cut:] + " words")
    assert edges.meet(f" {token[cut:end]}\n") is bool(token[cut:end].strip())


@pytest.mark.parametrize("text", ["", " ", "Hello.", "What is 1 < 2?", "x > y", "usher"])
def test_other_texts_meet_none(text: str) -> None:
    assert not Edges(TOKENS).meet(text)
    assert not Edges(()).meet(text)
