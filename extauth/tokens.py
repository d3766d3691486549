"""A model's own tokenizer and chat template: what a request costs, and what the model is given."""

from __future__ import annotations

import re
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

import jinja2
import tokenizers
from jinja2.sandbox import ImmutableSandboxedEnvironment

from extauth.errors import ConfigurationError, InvalidRequest, RequestTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth import settings
    from extauth.snapshot import Snapshot

# A rendered prompt is a little longer than its messages; this only stops a runaway template.
MAX_RENDERED: Final = 16 << 20

_REMEMBERED: Final = 8192
_WORTH_REMEMBERING: Final = 64


class Tokenizer:
    """A model's tokenizer, from its `tokenizer.json`. Safe to share between threads and tasks.

    It counts as the model does, its control tokens parsed and none added. Raises
    ConfigurationError when the file is no tokenizer.
    """

    control_tokens: frozenset[str]
    """The strings of the special tokens, which only a template may write."""

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigurationError(f"no tokenizer here: {error.strerror}", file=path) from None
        except Exception as error:  # the library raises bare exceptions
            raise ConfigurationError(f"not a tokenizer: {error}", file=path) from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._size: int = self._tokenizer.get_vocab_size()
        self.control_tokens = frozenset(
            token.content
            for token in self._tokenizer.get_added_tokens_decoder().values()
            if token.special
        )
        self._separators = self._find_separators()
        self._counts: dict[bytes, int] = {}
        self._key = secrets.token_bytes(32)
        self._control = (
            re.compile("|".join(map(re.escape, sorted(self.control_tokens))))
            if self.control_tokens
            else None
        )

    def count(self, text: str) -> int:
        """The number of tokens in `text`.

        A chat is sent again with every turn, and no token spans a control token: so the turns in
        between are counted one by one, and long ones remembered by a keyed hash. No text is kept.
        """
        if self._separators is None:
            return self._encoded(text)
        pieces = self._separators.split(text)
        return len(pieces) - 1 + sum(map(self._remembered, pieces))

    def _remembered(self, piece: str) -> int:
        if len(piece) < _WORTH_REMEMBERING:
            return self._encoded(piece) if piece else 0
        name = blake2b(piece.encode(), digest_size=16, key=self._key).digest()
        count = self._counts.get(name)
        if count is None:
            if len(self._counts) >= _REMEMBERED:
                # Threads share it, and it fills again soon enough.
                self._counts.clear()
            count = self._counts[name] = self._encoded(piece)
        return count

    def _encoded(self, text: str) -> int:
        return len(self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0])

    def _find_separators(self) -> re.Pattern[str] | None:
        """What splits a text into parts that are counted alone; None if nothing surely does."""
        added = self._tokenizer.get_added_tokens_decoder().values()
        plain = all(
            token.special and not (token.lstrip or token.rstrip or token.single_word)
            for token in added
        )
        if not added or not plain or self._tokenizer.normalizer is not None:
            return None
        longest_first = sorted((token.content for token in added), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, control tokens included. InvalidRequest when one is unknown."""
        if any(not 0 <= token < self._size for token in ids):
            raise InvalidRequest("A token id is not one of this model's.", code="invalid_token")
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def admit(self, texts: Sequence[str]) -> None:
        """Raises InvalidRequest with code `control_token` when one of `texts` holds one.

        Texts that a template may join are seen joined as well; and as the normalizer leaves them.
        """
        if self._control is None:
            return
        text = "\n".join(texts)
        normalizer = self._tokenizer.normalizer
        if self._control.search(text) or (
            normalizer is not None and self._control.search(normalizer.normalize_str(text))
        ):
            raise InvalidRequest(
                "The text holds a control token of the model.", code="control_token"
            )


class ChatTemplate:
    """A model's chat template, compiled once, in a sandbox. Safe to share.

    It gets `messages`, `tools` (None when there are none) and `add_generation_prompt`, and may
    call `raise_exception`. Raises ConfigurationError, with the line, when it does not compile.
    """

    def __init__(self, path: Path) -> None:
        environment = ImmutableSandboxedEnvironment(
            autoescape=False,  # a prompt is no HTML
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols"],
        )
        environment.globals["raise_exception"] = _refuse
        try:
            self._template = environment.from_string(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"no chat template here: {error}", file=path) from None
        except jinja2.TemplateSyntaxError as error:
            raise ConfigurationError(
                f"not a chat template: {error.message}", file=path, line=error.lineno
            ) from None

    def render(
        self,
        messages: Sequence[Mapping[str, object]],
        tools: Sequence[object] | None = None,
    ) -> str:
        """The prompt, up to where the model goes on.

        Raises InvalidRequest when the template refuses the messages, RequestTooLarge when it
        writes without end.
        """
        pieces = []
        length = 0
        try:
            for piece in self._template.generate(
                messages=messages, tools=tools, add_generation_prompt=True
            ):
                length += len(piece)
                if length > MAX_RENDERED:
                    raise RequestTooLarge("The messages make too long a prompt.")
                pieces.append(piece)
        except RequestTooLarge:
            raise
        except Exception:  # whatever a template does with messages that it does not expect
            raise InvalidRequest(
                "This model's chat template does not take these messages.",
                code="invalid_messages",
                param="messages",
            ) from None
        return "".join(pieces)


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


def _refuse(message: str) -> None:
    raise jinja2.TemplateRuntimeError(message)
