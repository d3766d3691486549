"""What differs between two values, as people read it."""

from __future__ import annotations

from typing import Any

import pytest

from extauth.stack.activation.changes import ValueChange, changes


def named(**limits: int) -> list[dict[str, Any]]:
    return [{"name": name, "max": most} for name, most in limits.items()]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [ValueChange("a.c", 2, 3)]),
        ({"a": 1}, {"b": {"c": 2}}, [ValueChange("a", 1, None), ValueChange("b", None, {"c": 2})]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [ValueChange("a", [1, 2], [2, 1])]),
        ({"a": 1}, {"a": True}, [ValueChange("a", 1, True)]),
        ({"a": [1]}, {"a": [1.0]}, [ValueChange("a", [1], [1.0])]),
        ({"a": {}}, {"a": []}, [ValueChange("a", {}, [])]),
    ],
)
def test_each_by_its_path(old: Any, new: Any, told: list[ValueChange]) -> None:
    assert list(changes(old, new)) == told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (named(a=1, b=2), named(a=1, b=3), [ValueChange("x[b].max", 2, 3)]),
        (named(a=1, b=2), named(b=2), [ValueChange("x[a]", {"name": "a", "max": 1}, None)]),
        (named(b=2), named(a=1, b=2), [ValueChange("x[a]", None, {"name": "a", "max": 1})]),
        # The order may matter, so a change of it is one.
        (named(a=1, b=2), named(b=2, a=1), None),
        # Without names of their own, items are told apart by their place.
        ([{"to": 1}, {"to": 2}], [{"to": 1}, {"to": 3}], [ValueChange("x[1].to", 2, 3)]),
        ([{"to": 1}], [{"to": 1}, {"to": 3}], None),
        ([*named(a=1), *named(a=2)], [*named(a=1), *named(a=3)], [ValueChange("x[1].max", 2, 3)]),
    ],
)
def test_lists_of_maps(old: list[Any], new: list[Any], told: list[ValueChange] | None) -> None:
    if told is None:
        told = [ValueChange("x", old, new)]
    assert list(changes({"x": old}, {"x": new})) == told
