"""YAML that remembers where everything stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from extauth.errors import ConfigurationError
from extauth.rego.source import Loader, UnreadYaml, read_text, yaml_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Place = tuple[str | int, ...]
"""Keys and indices from the root of a document to a value in it."""


class _Loader(Loader):
    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # in its stubs
        if event.anchor is not None:
            problem = "anchors are not used here; write the value out"
            raise UnreadYaml(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain values, and the line of each."""

    file: Path
    value: Any
    lines: dict[Place, int]

    def line(self, place: Sequence[str | int]) -> int:
        """The line of the value at `place`, or of the nearest one around it."""
        found = tuple(place)
        while found not in self.lines:
            found = found[:-1]
        return self.lines[found]

    def error(self, place: Sequence[str | int], message: str) -> ConfigurationError:
        """Return the error of the value at `place`."""
        return ConfigurationError(
            f"{dotted(place)}: {message}", file=self.file, line=self.line(place)
        )


def dotted(place: Sequence[str | int]) -> str:
    """A place as people write it: `models.chat.versions[0]`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return text.removeprefix(".") or "the document"


def read_document(file: Path) -> Document:
    """Read a YAML file of strings, numbers, booleans, lists and maps with distinct string keys.

    Raises ConfigurationError with the line. Anchors are refused: a few lines of them can unfold
    to gigabytes.
    """
    text = read_text(file)
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        lines: dict[Place, int] = {(): 1}
        value = _value(root, (), lines, loader, file) if root else {}
    except yaml.YAMLError as error:
        raise yaml_error(error, file) from None
    return Document(file, value, lines)


def _value(
    node: yaml.Node, place: Place, lines: dict[Place, int], loader: yaml.SafeLoader, file: Path
) -> Any:
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _plain(key_node, place, loader, file)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise ConfigurationError(
                    f"{dotted(place)}: the key {key!r} is not text; write it in quotes",
                    file=file,
                    line=line,
                )
            if key in found:
                raise ConfigurationError(
                    f"{dotted((*place, key))} is there twice", file=file, line=line
                )
            found[key] = _value(value_node, (*place, key), lines, loader, file)
            lines[*place, key] = line
        return found
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(item, (*place, index), lines, loader, file)
            for index, item in enumerate(node.value)
        ]
    return _plain(node, place, loader, file)


def _plain(node: yaml.Node, place: Place, loader: yaml.SafeLoader, file: Path) -> Any:
    try:
        value = loader.construct_object(node, deep=True)
    except (AttributeError, KeyError, ValueError):
        # PyYAML does not check what a tag promises, nor that a date exists.
        value = node
    if value is not None and not isinstance(value, str | int | float | list | dict):
        raise ConfigurationError(
            f"{dotted(place)}: {node.value!r} is not text, a number, true or false; "
            "write it in quotes",
            file=file,
            line=node.start_mark.line + 1,
        )
    return value
