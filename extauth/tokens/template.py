"""A model's chat template: what it is given for the messages of a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from extauth.errors import ConfigurationError, InvalidRequest, RequestTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# A rendered prompt is a little longer than its messages; this only stops a runaway template.
MAX_RENDERED: Final = 16 << 20


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

        self._globals = dict(self._template.globals)

    def render(
        self,
        messages: Sequence[Mapping[str, object]],
        tools: Sequence[object] | None = None,
    ) -> str:
        """The prompt, up to where the model goes on.

        Raises InvalidRequest when the template refuses the messages, RequestTooLarge when it
        writes without end.
        """
        variables = {
            **self._globals,
            "messages": messages,
            "tools": tools,
            "add_generation_prompt": True,
        }
        pieces = []
        length = 0
        try:
            # `Template.generate` would make this context at twice the cost of the rendering.
            context = self._template.new_context(variables, shared=True)
            for piece in self._template.root_render_func(context):
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


def _refuse(message: str) -> None:
    raise jinja2.TemplateRuntimeError(message)
