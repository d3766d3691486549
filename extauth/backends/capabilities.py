"""The abilities that requests ask for beyond plain text, and the refusal where one is missing.

A capability is named after the parameter that asks for it, `temperature` or `logprobs`, or after
the parts of a message: `images`, `audio`, `files`. A KServe client's tensors are `tensors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from extauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Collection

    from extauth.types.call import Call

_GENERAL: Final[dict[str, tuple[Any, ...]]] = {
    "stream": (False,),
    "temperature": (None, 1),
    "top_p": (None, 1),
}
"""Parameters that most models have, each with the values that ask for nothing."""

_COMMON: Final = frozenset(_GENERAL)
_MESSAGES: Final = {
    "tensors": "The model {model} does not take tensors: send text.",
    "images": "The backend of the model {model} does not take images.",
    "audio": "The backend of the model {model} does not take audio.",
    "files": "The backend of the model {model} does not take files.",
    "several_prompts": "Only one prompt a request is supported.",
    "stream": "The model {model} does not stream: its backend answers at once.",
}
_OTHERS: Final = "'{field}' is not supported with this value by the backend of the model {model}."


def check_capabilities(call: Call, capabilities: Collection[str], model: str) -> None:
    """Raise InvalidRequest for the first field that asks for what the model's backend can't do.

    `model` is its name.
    """
    for capability, field in call.asks:
        if capability not in capabilities:
            raise _refusal(capability, field, model)
    if not _COMMON.issubset(capabilities):
        for name, harmless in _GENERAL.items():
            if name not in capabilities and getattr(call.parameters, name) not in harmless:
                raise _refusal(name, name, model)


def _refusal(capability: str, field: str, model: str) -> InvalidRequest:
    message = _MESSAGES.get(capability, _OTHERS).format(field=field, model=model)
    return InvalidRequest(message, code="unsupported_parameter", param=field)
