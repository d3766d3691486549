"""The differences of two JSON values, each by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = object()


class ValueChange(msgspec.Struct, frozen=True):
    """A value by its path, before and after; None where it is absent."""

    path: str
    before: Any = None
    after: Any = None


def changes(old: Any, new: Any, path: str = "") -> Iterator[ValueChange]:
    """Yield every difference, as deep as both sides have the same shape.

    Items of a list are told apart by their `name`, where each has one and the order is the same:
    `limits.tiers.free[tenant-tokens].max`; else by their place in lists of equal length.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            inner = f"{path}.{name}".removeprefix(".")
            yield from changes(old.get(name, MISSING), new.get(name, MISSING), inner)
    # In JSON 1, 1.0 and true differ; in Python they are equal.
    elif repr(old) == repr(new):
        return
    elif isinstance(old, list) and isinstance(new, list) and (pairs := _pairs(old, new)):
        for name, before, after in pairs:
            yield from changes(before, after, f"{path}[{name}]")
    else:
        yield ValueChange(path, None if old is MISSING else old, None if new is MISSING else new)


def _pairs(old: list[Any], new: list[Any]) -> list[tuple[str, Any, Any]]:
    """Return the items to compare with each other by name, none where only the whole can be."""
    if not all(isinstance(one, dict) for one in [*old, *new]):
        return []
    before, after = _by_name(old), _by_name(new)
    if before and after:
        names = dict.fromkeys([*before, *after]) if _in_order(before, after) else ()
        return [(name, before.get(name, MISSING), after.get(name, MISSING)) for name in names]
    if len(old) == len(new):
        return [(str(index), *pair) for index, pair in enumerate(zip(old, new, strict=True))]
    return []


def _by_name(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the items by their names, none unless each has its own."""
    found = {one["name"]: one for one in items if isinstance(one.get("name"), str)}
    return found if len(found) == len(items) else {}


def _in_order(before: dict[str, Any], after: dict[str, Any]) -> bool:
    kept = [name for name in before if name in after]
    return kept == [name for name in after if name in before]
