"""A model's chat template, which turns the messages of a chat into its prompt."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import jinja2
import msgspec
from jinja2.sandbox import ImmutableSandboxedEnvironment

from extauth.errors import ConfigurationError, InvalidRequest, RequestTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth.types.call import Chat

PART_TOKENS: Final = 2048
"""Tokens set aside for a part that is not text: more than an image takes of most models. What it
took in the end the server tells."""

# In characters. A prompt is little longer than its messages; this stops a runaway template.
MAX_RENDERED: Final = 16 << 20

_MARKER: Final = re.compile(r"<\|[^|<>\s]{1,64}\|>|</?[a-z_]{1,64}>|\[/?[A-Z][A-Z_ ]{1,62}\]")


class ChatTemplate:
    """A model's chat template, compiled once, in a sandbox. Safe to share.

    A template reads `messages`, `tools` (None without tools), `bos_token` and `eos_token` if the
    model has them, and `add_generation_prompt`, and may call `raise_exception`. An undefined name
    is false and prints nothing, and `tojson` does not escape HTML, as in `transformers`, for which
    templates are written. Raises ConfigurationError, with the line, when the template does not
    compile.
    """

    markers: frozenset[str]
    """Texts in its source that look like control tokens: `<|end|>`, `</s>`, `[INST]`."""

    def __init__(self, path: Path) -> None:
        environment = ImmutableSandboxedEnvironment(
            autoescape=False,  # a prompt is not HTML
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols"],
        )
        environment.globals["raise_exception"] = _refuse
        environment.filters["tojson"] = _json
        try:
            source = path.read_text("utf-8")
            self._template = environment.from_string(source)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"no chat template here: {error}", file=path) from None
        except jinja2.TemplateSyntaxError as error:
            raise ConfigurationError(
                f"not a chat template: {error.message}", file=path, line=error.lineno
            ) from None

        self.markers = frozenset(_MARKER.findall(source))
        self._globals = dict(self._template.globals)

    def render(
        self,
        messages: Sequence[Mapping[str, object]],
        tools: Sequence[object] | None = None,
        *,
        bos_token: str | None = None,
        eos_token: str | None = None,
    ) -> str:
        """Return the prompt, up to the place where the model continues.

        Raises InvalidRequest when the template fails on these messages, RequestTooLarge when the
        prompt is longer than `MAX_RENDERED`.
        """
        variables = {
            **self._globals,
            "messages": messages,
            "tools": tools,
            "add_generation_prompt": True,
        }
        if bos_token is not None:
            variables["bos_token"] = bos_token
        if eos_token is not None:
            variables["eos_token"] = eos_token
        pieces = []
        length = 0
        try:
            # `Template.generate` builds this context too, at twice the cost of the rendering.
            context = self._template.new_context(variables, shared=True)
            for piece in self._template.root_render_func(context):
                length += len(piece)
                if length > MAX_RENDERED:
                    raise RequestTooLarge("The messages make too long a prompt.")
                pieces.append(piece)
        except RequestTooLarge:
            raise
        except Exception:  # a template may fail in any way on messages that it does not expect
            raise InvalidRequest(
                "This model's chat template does not take these messages.",
                code="invalid_messages",
                param="messages",
            ) from None
        return "".join(pieces)


def plain_chat(call: Chat) -> str:
    """Return a chat in a form that stands for a template nobody here has, and is only counted.

    It marks messages as most templates do, or with more; whatever else the model reads is beside
    it as JSON. An image, a recording or a file counts as `PART_TOKENS` characters.
    """
    pieces = [
        f"<|im_start|>{message.role}\n{_json(message.for_template())}<|im_end|>\n"
        for message in call.messages
    ]
    beside = [*call.tools, *filter(None, (call.response_format,))]
    pieces += [_json(msgspec.to_builtins(one)) for one in beside]
    parts = call.parts
    pieces.append("." * (PART_TOKENS * (parts.images + parts.audio + parts.files)))
    return "".join(pieces)


def _refuse(message: str) -> None:
    raise jinja2.TemplateRuntimeError(message)


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
