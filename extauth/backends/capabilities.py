"""The abilities that requests ask for beyond plain text, and the refusal where one is missing.

A capability is named after the parameter that asks for it, `tools` or `logprobs`, or after the
parts of a message: `images`, `audio`, `files`. A KServe client's tensors are `tensors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Collection

    from extauth.types.call import Call

_MESSAGES: Final = {
    "tensors": "This model does not take tensors: send text.",
    "images": "This model's backend does not take images.",
    "audio": "This model's backend does not take audio.",
    "files": "This model's backend does not take files.",
    "several_prompts": "Only one prompt a request is supported.",
}


def check_capabilities(call: Call, capabilities: Collection[str]) -> None:
    """Raise InvalidRequest for the first field that asks for what the backend can't do."""
    for capability, field in call.asks:
        if capability not in capabilities:
            raise InvalidRequest(
                _MESSAGES.get(
                    capability, f"'{field}' is not supported with this value by this model."
                ),
                code="unsupported_parameter",
                param=field,
            )
