"""Strings inside JSON values, keys included, and long numbers: found and replaced in one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Change = Callable[[str], str]


_LONG: Final = 10**8
"""From here on a number may be somebody's: an account, a card, a telephone."""


def changed(value: object, change: Change) -> object:
    """Return a copy of a JSON value with `change` applied to every string, in document order.

    And to every whole number of nine digits or more, written out: a model reads it like a string,
    and one that changes becomes one.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, int) and abs(value) >= _LONG:
        written = str(value)
        text = change(written)
        return value if text == written else text
    if isinstance(value, dict):
        return {change(key): changed(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [changed(item, change) for item in value]
    return value


class Collector:
    """A change that changes nothing and keeps what it saw."""

    __slots__ = ("texts",)

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> str:
        """Note the string."""
        self.texts.append(text)
        return text


class Replacer:
    """A change that answers with the next of `texts`; `done` checks that none is left over."""

    __slots__ = ("_left",)

    def __init__(self, texts: Sequence[str]) -> None:
        self._left = iter(texts)

    def __call__(self, _: str) -> str:
        """Return the next string. Raises ValueError when there is none."""
        for text in self._left:
            return text
        raise ValueError("fewer texts than the call has")

    def done(self) -> None:
        """Raise ValueError when strings are left over."""
        for _ in self._left:
            raise ValueError("more texts than the call has")
