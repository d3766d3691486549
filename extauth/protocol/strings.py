"""Strings inside JSON values, keys included: found and replaced in one order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Change = Callable[[str], str]


def changed(value: object, change: Change) -> object:
    """A copy of a JSON value with `change` applied to every string, in document order."""
    if isinstance(value, str):
        return change(value)
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
        """The next string. Raises ValueError when there is none."""
        for text in self._left:
            return text
        raise ValueError("fewer texts than the call has")

    def done(self) -> None:
        """Raises ValueError when strings are left over."""
        for _ in self._left:
            raise ValueError("more texts than the call has")
