"""A model as the gateway reads and counts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extauth.errors import InvalidRequest
from extauth.tokens.template import ChatTemplate
from extauth.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth import settings
    from extauth.snapshot import Snapshot


class LanguageModel:
    """A model of the snapshot with what it takes to read and count for it. Safe to share."""

    __slots__ = ("settings", "template", "tokenizer")

    def __init__(
        self, settings: settings.Model, tokenizer: Tokenizer, template: ChatTemplate | None
    ) -> None:
        self.settings = settings
        self.tokenizer = tokenizer
        self.template = template

    @classmethod
    def load(cls, snapshot: Snapshot, name: str) -> LanguageModel:
        """The model `name` of `snapshot`. Raises ConfigurationError for a file that is no use."""
        model = snapshot.settings.models[name]
        template = None
        if model.chat_template is not None:
            template = ChatTemplate(snapshot.root / model.chat_template)
        return cls(model, Tokenizer(snapshot.root / model.tokenizer), template)

    @property
    def name(self) -> str:
        """The model's name, as Triton knows it too."""
        return self.settings.name

    @property
    def task(self) -> Literal["chat", "completion", "embedding"]:
        """What the model is for."""
        return self.settings.task

    def counts(self, prompts: Sequence[str]) -> list[int]:
        """The tokens of each prompt."""
        return [self.tokenizer.count(prompt) for prompt in prompts]

    def render(
        self, messages: Sequence[Mapping[str, object]], tools: Sequence[object] | None
    ) -> str:
        """The prompt of a chat. Raises as `ChatTemplate.render`, and without a template."""
        if self.template is None:
            raise InvalidRequest(
                "This model does not chat.", code="unsupported_operation", param="model"
            )
        return self.template.render(messages, tools)

    def decode(self, ids: Sequence[int]) -> str:
        """As `Tokenizer.decode`."""
        return self.tokenizer.decode(ids)

    def admit(self, texts: Sequence[str]) -> None:
        """As `Tokenizer.admit`."""
        self.tokenizer.admit(texts)
