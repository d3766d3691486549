"""`models.<name>.parameters`: the parameters of generation that the model's own backend honours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.backends.triton import PARAMETERS
from extauth.compiler.triton import read_signature

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.compiler.fields import Fields
    from extauth.settings import BackendSettings

_TEXT_INPUTS = ("text_input", "max_tokens")
"""Inputs that a model needs to be asked for text: without the second nothing bounds an answer."""


def read_parameters(
    fields: Fields, place: tuple[str, str], backend: BackendSettings, repository: Path | None
) -> tuple[str, ...] | None:
    """Return them in order; None for everything that its kind of backend can do.

    A model of the embedded server has those that its signature names as inputs, and `stream` if it
    is decoupled: `repository` is its directory. Of another server the configuration may tell.
    Raises ConfigurationError with the line, whatever is wrong.
    """
    given = fields.at(*place, "parameters")
    if repository is None:
        if given is not None and backend.kind == "triton":
            for index, name in enumerate(given):
                if name not in PARAMETERS:
                    raise fields.error(
                        (*place, "parameters", index), f"no model of Triton is asked for {name}"
                    )
        return None if given is None else tuple(sorted(given))
    if given is not None:
        raise fields.error(
            (*place, "parameters"), "leave it out: signature.yaml names what the model takes"
        )
    signature = read_signature(repository)
    inputs = {tensor["name"] for tensor in signature.value["inputs"]}
    if fields.at(*place, "task") != "embedding":
        for name in _TEXT_INPUTS:
            if name not in inputs:
                raise signature.error(
                    ("inputs",), f"the input {name} is missing: models.{place[1]} writes text"
                )
    streams = signature.value["decoupled"] is True
    return tuple(
        sorted(name for name in PARAMETERS if (streams if name == "stream" else name in inputs))
    )
