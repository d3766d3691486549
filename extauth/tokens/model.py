"""A model as the gateway reads and counts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from extauth.errors import InvalidRequest
from extauth.tokens.opening import open_tokenizer
from extauth.tokens.template import ChatTemplate, plain_chat
from extauth.types import Operation
from extauth.types.call import Chat, Completion, Embedding, Infer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth import settings
    from extauth.snapshot import Snapshot
    from extauth.tokens.tokenizer import Tokenizer
    from extauth.types.call import Call, Item

_CHAT: Final = ("chat",)
_COMPLETION: Final = ("completion", "chat")
_EMBEDDING: Final = ("embedding",)


class LanguageModel:
    """A model of the snapshot with what it takes to read and count for it. Safe to share."""

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
        """Return a model of `snapshot`. Raises ConfigurationError for a file that is no use."""
        model = snapshot.settings.models[name]
        template = None
        if model.chat_template is not None:
            template = ChatTemplate(snapshot.root / model.chat_template)
        tokenizer = open_tokenizer(
            None if model.tokenizer is None else snapshot.root / model.tokenizer,
            template.markers if template else (),
        )
        return cls(model, tokenizer, template)

    @property
    def name(self) -> str:
        """The name that clients use."""
        return self.settings.name

    @property
    def task(self) -> Literal["chat", "completion", "embedding"]:
        """The task that the model is for."""
        return self.settings.task

    @property
    def exact(self) -> bool:
        """Whether `counts` are the model's own; otherwise they err upwards."""
        return self.tokenizer.exact

    def counts(self, prompts: Sequence[str]) -> list[int]:
        """Return the tokens of each prompt, with those that the backend puts around it."""
        added = self.tokenizer.added if self.settings.add_special_tokens else 0
        return [self.tokenizer.count(prompt) + added for prompt in prompts]

    def prompts(self, call: Call) -> list[str]:
        """Return what the model will read, and what is counted: at least one string.

        For a chat that is its template's, or where the backend alone has one, the messages with
        some marks around them. Raises InvalidRequest when a text holds one of the model's control
        tokens, or when the model does not do what was asked.
        """
        if isinstance(call, Chat):
            self._require(_CHAT, Operation.CHAT)
            self.admit(call.template_texts())
            return [self._rendered(call)]
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
        """As `Tokenizer.decode`."""
        return self.tokenizer.decode(ids)

    def admit(self, texts: Sequence[str]) -> None:
        """As `Tokenizer.admit`."""
        self.tokenizer.admit(texts)

    def _rendered(self, call: Chat) -> str:
        if self.template is None:
            return plain_chat(call)
        tools = [msgspec.to_builtins(tool) for tool in call.tools] or None
        return self.render([message.for_template() for message in call.messages], tools)

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
