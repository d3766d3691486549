from __future__ import annotations

from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from extauth.errors import ConfigurationError, InvalidRequest, RequestTooLarge
from extauth.settings import Model, Price
from extauth.tokens import ChatTemplate, LanguageModel
from extauth.tokens.template import MAX_RENDERED
from extauth.tokens.tokenizer_json import TokenizerJson

CHAT_TOKENIZER = Path(__file__).parents[2] / "triton/models/chat/tokenizer.json"
CONTROL = ["<|end|>", "<|user|>"]


def trained() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=CONTROL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["hello world, hello there"] * 4, trainer)
    return tokenizer


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    trained().save(str(path))
    return path


@pytest.fixture(scope="session")
def reference() -> tokenizers.Tokenizer:
    return trained()


@pytest.fixture(scope="session")
def tokenizer(file: Path) -> TokenizerJson:
    return TokenizerJson(file)


def template(tmp_path: Path, source: str) -> ChatTemplate:
    path = tmp_path / "chat_template.jinja"
    path.write_text(source)
    return ChatTemplate(path)


EMBED = {
    "name": "embed",
    "backend": "triton",
    "task": "embedding",
    "versions": ("1",),
    "aliases": {},
    "default": "1",
    "context_length": 64,
    "price": Price(),
    "region": "eu",
    "tokenizer": "tokenizer.json",
}
USER = [{"role": "user", "content": "hi"}]


def test_it_counts_as_the_model_does(tokenizer):
    text = "<|user|>hello there, wörld<|end|>"
    assert tokenizer.count(text) == len(trained().encode(text, add_special_tokens=False).ids)


def test_a_control_token_is_one_token(tokenizer):
    assert tokenizer.count("") == 0
    assert tokenizer.count("<|user|><|end|>") == 2


def test_truncation_and_padding_of_the_file_do_not_hide_tokens(tmp_path):
    cut = trained()
    cut.enable_truncation(2)
    cut.enable_padding(length=50)
    cut.save(str(tmp_path / "tokenizer.json"))
    assert TokenizerJson(tmp_path / "tokenizer.json").count("a b c d") == 7


@given(st.text(st.characters(codec="utf-8"), max_size=50))
def test_ids_become_the_text_again(tokenizer, reference, text):
    ids = reference.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids) == text


def test_control_tokens_are_not_lost_in_decoding(tokenizer):
    assert tokenizer.decode([0, 1]) == "<|end|><|user|>"


@pytest.mark.parametrize("token", [-1, 300, 2**40])
def test_an_unknown_id_is_refused(tokenizer, token):
    with pytest.raises(InvalidRequest):
        tokenizer.decode([5, token])


def test_control_tokens_are_known(tokenizer):
    assert tokenizer.control_tokens == set(CONTROL)


@pytest.mark.parametrize("texts", [["<|end|>"], ["a", "b<|user|>c"], ["<|<|end|>|>"]])
def test_a_control_token_in_a_text_is_refused(tokenizer, texts):
    with pytest.raises(InvalidRequest) as raised:
        tokenizer.admit(texts)
    assert raised.value.code == "control_token"


@pytest.mark.parametrize("texts", [[], ["<|end|", ">"], ["<|END|>"], ["< |end|>"]])
def test_what_only_looks_like_one_is_admitted(tokenizer, texts):
    tokenizer.admit(texts)


def test_a_normalizer_makes_no_control_token(tmp_path):
    wide = trained()
    wide.normalizer = normalizers.NFKC()
    wide.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InvalidRequest):
        TokenizerJson(tmp_path / "tokenizer.json").admit(["\uff1c|end|\uff1e"])


@pytest.mark.parametrize("content", ["", "{}", "nonsense"])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as raised:
        TokenizerJson(path)
    assert str(raised.value).startswith(str(path))


def test_a_missing_tokenizer_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="no tokenizer here"):
        TokenizerJson(tmp_path / "tokenizer.json")


def test_a_template_writes_the_prompt(tmp_path):
    made = template(
        tmp_path,
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        "{% if tools %}({{ tools | length }}){% endif %}{% if add_generation_prompt %}>{% endif %}",
    )
    assert made.render(USER) == "[user]hi>"
    assert made.render(USER, [{}]) == "[user]hi(1)>"


def test_content_is_never_a_template(tmp_path):
    made = template(tmp_path, "{{ messages[0].content }}")
    assert made.render([{"role": "user", "content": "{{ 7 * 7 }} <b>&"}]) == "{{ 7 * 7 }} <b>&"


@pytest.mark.parametrize(
    "source",
    [
        "{{ raise_exception('SECRET') }}",
        "{{ nobody.nothing }}",
        "{{ messages[0].nobody.nothing }}",
        "{{ messages[9].content }}",
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages[0].content + 1 }}",
        "{{ 1 / 0 }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
    ],
)
def test_a_template_that_fails_refuses_the_messages(tmp_path, source):
    made = template(tmp_path, source)
    with pytest.raises(InvalidRequest) as raised:
        made.render(USER)
    assert "SECRET" not in raised.value.message
    assert raised.value.__cause__ is None


def test_a_template_that_runs_away_is_stopped(tmp_path):
    made = template(tmp_path, "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}")
    with pytest.raises(RequestTooLarge):
        made.render(USER)
    assert MAX_RENDERED < 100000 * 100000


def test_a_template_that_does_not_compile_is_named_with_its_line(tmp_path):
    with pytest.raises(ConfigurationError) as raised:
        template(tmp_path, "a\n{% if %}")
    assert raised.value.line == 2


def test_a_missing_template_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="no chat template here"):
        ChatTemplate(tmp_path / "chat_template.jinja")


def test_a_model_without_a_template_does_not_chat(file):
    model = LanguageModel(Model(**EMBED), TokenizerJson(file), None)
    assert (model.name, model.task) == ("embed", "embedding")
    assert model.counts(["hello", "<|end|>"]) == [model.tokenizer.count("hello"), 1]
    with pytest.raises(InvalidRequest) as raised:
        model.render(USER, None)
    assert raised.value.code == "unsupported_operation"


def test_what_a_backend_puts_around_a_prompt_is_counted(tmp_path):
    around = trained()
    around.post_processor = processors.TemplateProcessing(
        single="<|user|> $A <|end|>", special_tokens=[("<|user|>", 1), ("<|end|>", 0)]
    )
    around.save(str(tmp_path / "tokenizer.json"))
    text = "hello there, wörld"
    added, written = (
        LanguageModel(
            Model(**EMBED, add_special_tokens=adds),
            TokenizerJson(tmp_path / "tokenizer.json"),
            None,
        )
        for adds in (True, False)
    )
    whole = len(around.encode(text).ids)
    assert added.counts([text, text]) == [whole, whole]
    assert written.counts([text]) == [whole - 2]


def test_a_template_knows_the_tokens_that_begin_and_end_a_text(tmp_path):
    trained().save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(
        '{"bos_token": {"content": "<|user|>", "lstrip": false}, "eos_token": "<|end|>"}'
    )
    made = template(tmp_path, "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}")
    model = LanguageModel(Model(**EMBED), TokenizerJson(tmp_path / "tokenizer.json"), made)
    assert model.render(USER, None) == "<|user|>hi<|end|>"
    (tmp_path / "tokenizer_config.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="not a tokenizer's configuration"):
        TokenizerJson(tmp_path / "tokenizer.json")


def test_names_tools_calls_and_results_are_counted_as_they_are_written(tmp_path, tokenizer):
    made = template(
        tmp_path,
        "{% for tool in tools %}{{ tool | tojson }}{% endfor %}"
        "{% for m in messages %}<|user|>{{ m.role }}"
        "{% if m.name %}({{ m.name }}){% endif %}{{ m.content }}"
        "{% for call in m.tool_calls %}{{ call.function.name }}{{ call.function.arguments }}"
        "{% endfor %}{{ m.tool_call_id }}<|end|>{% endfor %}",
    )
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "user", "name": "ada", "content": "One & <two>"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ]
    tools = [{"type": "function", "function": {"name": "add", "description": "ä & <b>"}}]
    model = LanguageModel(Model(**EMBED), tokenizer, made)
    prompt = model.render(messages, tools)
    assert prompt == (
        '{"type": "function", "function": {"name": "add", "description": "ä & <b>"}}'
        "<|user|>user(ada)One & <two><|end|>"
        '<|user|>assistantadd{"a": 1}<|end|>'
        "<|user|>tool3c1<|end|>"
    )
    assert model.counts([prompt]) == [len(trained().encode(prompt, add_special_tokens=False).ids)]
