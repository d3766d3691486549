"""A language model with its tokenizer and chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from extauth.errors import InvalidRequest
from extauth.tokens.estimate import Estimate
from extauth.tokens.sentence_piece import SentencePiece
from extauth.tokens.tekken import Tekken
from extauth.tokens.template import ChatTemplate
from extauth.tokens.tokenizer_json import TokenizerJson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from extauth import settings
    from extauth.snapshot import Snapshot
    from extauth.tokens.tokenizer import Tokenizer

_KINDS: Final[dict[str, Callable[[Path], Tokenizer]]] = {
    "tokenizer.json": TokenizerJson,
    "tokenizer.model": SentencePiece,
    "tekken.json": Tekken,
}
"""Tokenizers by the name that the compiler gives the file."""


class LanguageModel:
    """A model of the snapshot with its tokenizer and chat template. Safe to share.

    `external` is true if its backend is a server that the stack does not run.
    """

    __slots__ = ("external", "settings", "template", "tokenizer")

    def __init__(
        self,
        settings: settings.Model,
        tokenizer: Tokenizer,
        template: ChatTemplate | None,
        *,
        external: bool = False,
    ) -> None:
        self.external = external
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
        external = snapshot.settings.backends[model.backend].url is not None
        return cls(model, tokenizer, template, external=external)

    @property
    def name(self) -> str:
        """The model's name, in the configuration and in Triton."""
        return self.settings.name

    @property
    def task(self) -> Literal["chat", "completion", "embedding"]:
        """The kind of request that the model serves."""
        return self.settings.task

    @property
    def context_length(self) -> int:
        """Tokens of a prompt and its answer together, at most."""
        return self.settings.context_length

    @property
    def exact(self) -> bool:
        """True if `counts` uses the model's own tokenizer; otherwise it errs upwards."""
        return self.tokenizer.exact

    def counts(self, prompts: Sequence[str]) -> list[int]:
        """Return the tokens of each prompt, with the special tokens that the backend adds to it."""
        added = self.tokenizer.added if self.settings.add_special_tokens else 0
        return [self.tokenizer.count(prompt) + added for prompt in prompts]

    def render(
        self, messages: Sequence[Mapping[str, object]], tools: Sequence[object] | None
    ) -> str:
        """Return the prompt of a chat.

        Raises InvalidRequest if the model has no template, and as `ChatTemplate.render` does.
        """
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


def _open_tokenizer(path: Path | None, markers: Iterable[str]) -> Tokenizer:
    """Return the tokenizer in `path`, or for None an estimate with `markers` as control tokens.

    Raises ConfigurationError for an unusable file.
    """
    return Estimate(markers) if path is None else _KINDS[path.name](path)
