"""What differs between two values, as people read it."""

from __future__ import annotations

from typing import Any

import pytest

from extauth.stack.activation.changes import Change, changes


def named(**limits: int) -> list[dict[str, Any]]:
    return [{"name": name, "max": most} for name, most in limits.items()]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [Change("a.c", 2, 3)]),
        ({"a": 1}, {"b": {"c": 2}}, [Change("a", 1, None), Change("b", None, {"c": 2})]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [Change("a", [1, 2], [2, 1])]),
        ({"a": 1}, {"a": True}, [Change("a", 1, True)]),
        ({"a": [1]}, {"a": [1.0]}, [Change("a", [1], [1.0])]),
        ({"a": {}}, {"a": []}, [Change("a", {}, [])]),
    ],
)
def test_each_by_its_path(old: Any, new: Any, told: list[Change]) -> None:
    assert list(changes(old, new)) == told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (named(a=1, b=2), named(a=1, b=3), [Change("x[b].max", 2, 3)]),
        (named(a=1, b=2), named(b=2), [Change("x[a]", {"name": "a", "max": 1}, None)]),
        (named(b=2), named(a=1, b=2), [Change("x[a]", None, {"name": "a", "max": 1})]),
        # The order may matter, so a change of it is one.
        (named(a=1, b=2), named(b=2, a=1), None),
        # Without names of their own, items are told apart by their place.
        ([{"to": 1}, {"to": 2}], [{"to": 1}, {"to": 3}], [Change("x[1].to", 2, 3)]),
        ([{"to": 1}], [{"to": 1}, {"to": 3}], None),
        ([*named(a=1), *named(a=2)], [*named(a=1), *named(a=3)], [Change("x[1].max", 2, 3)]),
    ],
)
def test_lists_of_maps(old: list[Any], new: list[Any], told: list[Change] | None) -> None:
    if told is None:
        told = [Change("x", old, new)]
    assert list(changes({"x": old}, {"x": new})) == told
