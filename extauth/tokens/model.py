"""A language model with its tokenizer and chat template."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import structs

from extauth.errors import InvalidRequest
from extauth.tokens.estimate import Estimate
from extauth.tokens.sentence_piece import SentencePiece
from extauth.tokens.tekken import Tekken
from extauth.tokens.template import ChatTemplate, plain_chat
from extauth.tokens.tokenizer_json import TokenizerJson
from extauth.types import Operation
from extauth.types.call import Chat, Completion, Embedding, Infer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from extauth import settings
    from extauth.snapshot import Snapshot
    from extauth.tokens.tokenizer import Tokenizer
    from extauth.types.call import Call, Item

_CHAT: Final = ("chat",)
_COMPLETION: Final = ("completion", "chat")
_EMBEDDING: Final = ("embedding",)

_KINDS: Final[dict[str, Callable[[Path], Tokenizer]]] = {
    "tokenizer.json": TokenizerJson,
    "tokenizer.model": SentencePiece,
    "tekken.json": Tekken,
}
"""Tokenizers by the name that the compiler gives the file."""


class LanguageModel:
    """A model of the snapshot with its tokenizer and chat template. Safe to share."""

    __slots__ = ("settings", "template", "tokenizer")

    def __init__(
        self,
        settings: settings.Model,
        tokenizer: Tokenizer,
        template: ChatTemplate | None,
    ) -> None:
        self.settings = settings
        self.tokenizer = tokenizer
        self.template = template

    @classmethod
    def load(cls, snapshot: Snapshot, name: str) -> LanguageModel:
        """Return the model `name` of `snapshot`. Raises ConfigurationError for an unusable file."""
        model = snapshot.settings.models[name]
        template = None
        if model.chat_template is not None:
            template = ChatTemplate(snapshot.root / model.chat_template)
        tokenizer = _open_tokenizer(
            None if model.tokenizer is None else snapshot.root / model.tokenizer,
            template.markers if template else (),
        )
        return cls(model, tokenizer, template)

    @property
    def name(self) -> str:
        """The model's name in the configuration, which clients use."""
        return self.settings.name

    @property
    def task(self) -> Literal["chat", "completion", "embedding"]:
        """The kind of request that the model serves."""
        return self.settings.task

    @property
    def exact(self) -> bool:
        """True if `counts` uses the model's own tokenizer; otherwise it errs upwards."""
        return self.tokenizer.exact

    def counts(self, prompts: Sequence[str]) -> list[int]:
        """Return the tokens of each prompt, with the special tokens that the backend adds to it."""
        added = self.tokenizer.added if self.settings.add_special_tokens else 0
        return [self.tokenizer.count(prompt) + added for prompt in prompts]

    def prompts(self, call: Call) -> list[str]:
        """Return what the model will read, and what is counted: at least one string.

        For a chat that is its template's, or where the backend alone has one, the messages with
        some marks around them. Raises InvalidRequest when a text holds one of the model's control
        tokens, when the template makes one of texts, or when the model does not do what was asked.
        """
        if isinstance(call, Chat):
            self._require(_CHAT, Operation.CHAT)
            texts = call.template_texts()
            self.admit(texts)
            prompt = self._rendered(call)
            if self.template is not None:
                self.tokenizer.admit_rendered(texts, prompt, lambda: self._neutral(call))
            return [prompt]
        if isinstance(call, Infer):
            texts = call.prompts()
            if self.task != "embedding" and len(texts) > 1:
                raise InvalidRequest(
                    "Only one prompt a request is supported.",
                    code="unsupported_parameter",
                    param="inputs",
                )
        elif isinstance(call, Embedding):
            self._require(_EMBEDDING, Operation.EMBEDDINGS)
            texts = _given(call.inputs, "input")
        elif isinstance(call, Completion):
            if not call.outputs:
                self._require(_COMPLETION, Operation.COMPLETIONS)
            texts = _given(call.inputs, "prompt")
        else:
            raise TypeError(f"a model has no prompt for a {type(call).__name__}")
        self.admit(texts)
        return texts or [""]

    def render(
        self, messages: Sequence[Mapping[str, object]], tools: Sequence[object] | None
    ) -> str:
        """Return the prompt of a chat. Raises as `ChatTemplate.render`, and without a template."""
        if self.template is None:
            raise InvalidRequest(
                "This model does not chat.", code="unsupported_operation", param="model"
            )
        return self.template.render(
            messages, tools, bos_token=self.tokenizer.bos, eos_token=self.tokenizer.eos
        )

    def decode(self, ids: Sequence[int]) -> str:
        """Decode token ids, as `Tokenizer.decode` does."""
        return self.tokenizer.decode(ids)

    def admit(self, texts: Sequence[str]) -> None:
        """Refuse control tokens in texts, as `Tokenizer.admit` does."""
        self.tokenizer.admit(texts)

    def _rendered(self, call: Chat) -> str:
        if self.template is None:
            return plain_chat(call)
        tools = [msgspec.to_builtins(tool) for tool in call.tools] or None
        return self.render([message.for_template() for message in call.messages], tools)

    def _neutral(self, call: Chat) -> str:
        """Return the prompt of a chat with the same shape and other texts."""
        numbers = count()

        def other(text: str) -> str:
            return f"x{next(numbers)}" if text.strip() else text

        messages = tuple([message.changed(other) for message in call.messages])
        tools = tuple([tool.changed(other) for tool in call.tools])
        return self._rendered(structs.replace(call, messages=messages, tools=tools))

    def _require(self, tasks: tuple[str, ...], operation: Operation) -> None:
        if self.task not in tasks:
            raise InvalidRequest(
                f"This model does not do {operation}: it is for {self.task}.",
                code="unsupported_operation",
                param="model",
            )


def _given(items: Sequence[Item], param: str) -> list[str]:
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        raise InvalidRequest(
            f"'{param}' can't be token ids here.", code="unsupported_parameter", param=param
        )
    return texts


def _open_tokenizer(path: Path | None, markers: Iterable[str]) -> Tokenizer:
    """Return the tokenizer in `path`, or for None an estimate with `markers` as control tokens.

    Raises ConfigurationError for an unusable file.
    """
    return Estimate(markers) if path is None else _KINDS[path.name](path)
