"""A prompt is rendered when it has changed and is asked for, and once for all changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from extauth.clients import parse_request, parse_target
from extauth.content.privacy import KeyedHash, Masker, Substitutes
from extauth.obligations import Clamp, Context, Draft, Mask, Settle, draft_of, enforce
from extauth.settings import Model, Price
from extauth.tokens import ChatTemplate, LanguageModel
from extauth.tokens.estimate import Estimate
from extauth.types import Limit, RequestHead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from extauth.content.privacy import Detector

    Drafted = Callable[..., Draft[Any, Any]]

TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
MASKS = (Mask(("email",)), Mask(("phone",), "redact"), Mask(("iban",), "hash"), Mask(("ip",)))
LIMIT = Limit("tokens", "all", "tokens", 60, 1000)
TEXT = "jane@example.com, +44 20 7946 0958, DE89 3704 0044 0532 0130 00, 192.0.2.7"


class Recorded(ChatTemplate):
    """A template that remembers what it has rendered."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.prompts: list[str] = []

    def render(self, *args: Any, **kwargs: Any) -> str:
        """As that of any template."""
        self.prompts.append(super().render(*args, **kwargs))
        return self.prompts[-1]


class Counted(Estimate):
    """A tokenizer that remembers what it has counted."""

    def __init__(self) -> None:
        super().__init__(())
        self.texts: list[str] = []

    def count(self, text: str) -> int:
        """As that of any model without a tokenizer."""
        self.texts.append(text)
        return super().count(text)


@pytest.fixture
def template(tmp_path: Path) -> Recorded:
    """A template without anything special."""
    (tmp_path / "chat.jinja").write_text(TEMPLATE)
    return Recorded(tmp_path / "chat.jinja")


@pytest.fixture
def tokenizer() -> Counted:
    """A token a byte."""
    return Counted()


@pytest.fixture
def model(template: Recorded, tokenizer: Counted) -> LanguageModel:
    """A model with 1,024 tokens of context."""
    return language_model(template, tokenizer)


@pytest.fixture
def drafted(model: LanguageModel, detector: Detector) -> Drafted:
    """A chat as it is before anything was asked for, with its findings."""

    def make(*texts: str) -> Draft[Any, Any]:
        messages = [{"role": "user", "content": text} for text in texts]
        path = "/v1/chat/completions"
        body = msgspec.json.encode({"model": "chat", "messages": messages, "max_tokens": 8})
        head = RequestHead("r1", "POST", path, "", {}, "192.0.2.7")
        call = parse_request(parse_target("POST", path), head, body, depth=32).call
        draft = draft_of(model, call, call.texts(), masker(call.texts()))
        return replace(draft, findings=[detector.detect(text) for text in draft.texts])

    return make


def language_model(template: ChatTemplate, tokenizer: Estimate) -> LanguageModel:
    """A model whose tokens are estimated."""
    settings = Model("chat", "triton", "chat", ("1",), {}, "1", 1024, Price(), "eu-west", None)
    return LanguageModel(settings, tokenizer, template)


def masker(texts: Sequence[str]) -> Masker:
    """What treats the findings of one request."""
    return Masker(texts, Substitutes(KeyedHash(bytes(32), "acme")))


@pytest.mark.parametrize("masks", range(1, len(MASKS) + 1))
def test_masks_share_one_rendering(
    drafted: Drafted, template: Recorded, tokenizer: Counted, masks: int
) -> None:
    draft = drafted(TEXT, "And again: " + TEXT)
    done = enforce((LIMIT, *MASKS[:masks], Clamp(4), Settle("backend")), draft)
    before, after = template.prompts
    assert tokenizer.texts == [before, after]
    for original in ("jane@", "+44 20", "DE89", "192.0.2.7")[:masks]:
        assert original in before
        assert original not in after
    assert done.prompts == [after]
    assert done.counts == done.model.counts([after])


def test_what_changes_nothing_renders_nothing(
    drafted: Drafted, template: Recorded, tokenizer: Counted
) -> None:
    draft = drafted("Hello.")
    enforce((*MASKS, Mask(("email",), "note"), Clamp(4), Context("drop_oldest"), LIMIT), draft)
    assert (len(template.prompts), len(tokenizer.texts)) == (1, 1)


def test_turns_are_dropped_from_the_masked_chat_and_nothing_is_rendered_twice(
    drafted: Drafted, template: Recorded
) -> None:
    draft = drafted(*(f"{TEXT} {number}" for number in range(30)))
    done = enforce((*MASKS, Context("drop_oldest")), draft)
    assert done.dropped
    assert done.longest + 8 <= 1024
    assert len(set(template.prompts)) == len(template.prompts)
    assert done.prompts[0] in template.prompts
    assert done.call.texts() == done.texts


def test_another_model_renders_the_masked_chat_alone(
    drafted: Drafted, template: Recorded, tmp_path: Path
) -> None:
    draft = drafted(TEXT)
    other = Recorded(tmp_path / "chat.jinja")
    routed = draft.routed(language_model(other, Counted()), masker(draft.texts))
    done = enforce((*MASKS, LIMIT), routed)
    assert len(template.prompts) == 1
    assert other.prompts == list(done.prompts)
    assert "jane@" not in other.prompts[0]


def test_what_a_draft_was_made_of_stays_as_it_was(drafted: Drafted, template: Recorded) -> None:
    draft = drafted(TEXT)
    first, second = enforce(MASKS[:1], draft), enforce(MASKS[1:2], draft)
    assert draft.prompts == template.prompts[:1]
    assert "jane@" not in first.prompts[0]
    assert "jane@" in second.prompts[0]
    assert len(template.prompts) == 3


def test_what_is_not_rendered_can_be_neither_sent_nor_counted(drafted: Drafted) -> None:
    draft = drafted(TEXT)
    stale = MASKS[0].enforce(draft)
    assert (stale.prompts, stale.counts) == (None, None)
    for read in (lambda: stale.prompt_tokens, lambda: stale.longest):
        with pytest.raises(TypeError):
            read()
    fresh = stale.rendered()
    assert fresh.completion_tokens == 8
    assert fresh.rendered() is fresh


def test_ids_without_a_text_are_counted_as_they_are(detector: Detector, tokenizer: Counted) -> None:
    settings = Model("m", "triton", "completion", ("1",), {}, "1", 1024, Price(), "eu-west", None)
    path = "/v2/models/m/infer"
    tensors = [
        {"name": "input_ids", "datatype": "INT64", "shape": [1, 5], "data": [1, 2, 3, 4, 5]},
        {"name": "stop", "datatype": "BYTES", "shape": [1], "data": ["jane@example.com"]},
    ]
    body = msgspec.json.encode({"inputs": tensors})
    head = RequestHead("r1", "POST", path, "", {}, "192.0.2.7")
    call = parse_request(parse_target("POST", path), head, body, depth=32).call
    draft = draft_of(LanguageModel(settings, tokenizer, None), call, call.texts(), masker(()))
    draft = replace(draft, findings=[detector.detect(text) for text in draft.texts])
    done = enforce((Mask(("email",), "redact"),), draft)
    assert done.call.texts() == ["[EMAIL]"]
    assert (draft.counts, done.counts) == ([5], [5])
