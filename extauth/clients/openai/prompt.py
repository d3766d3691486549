"""`prompt` and `input`: a text, some texts, or token ids of the model's own tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from extauth.clients.body import invalid

if TYPE_CHECKING:
    from extauth.types.call import Item

Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Ids = Annotated[list[Id], Meta(min_length=1)]
Text = Annotated[str, Meta(min_length=1)]
# An API constant: the OpenAI API takes as many.
Inputs = Text | Annotated[list[Text | Id | Ids], Meta(min_length=1, max_length=2048)]


def parse_inputs(value: str | list[str | int | list[int]], param: str) -> tuple[Item, ...]:
    """Return one item an input: its text or its ids. Raises InvalidRequest for a mixture."""
    if isinstance(value, str):
        return (value,)
    kinds = {type(item) for item in value}
    if len(kinds) > 1:
        raise invalid(param, "texts, token ids and lists of ids can't be mixed.")
    if kinds == {int}:
        return (tuple(value),)  # type: ignore[arg-type]  # all are ints, as just seen
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)  # type: ignore[misc]  # no int is left
