"""Diffs of decisions: expected against decided, one engine against the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.policy.cases import holds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.obligations import Decision
    from extauth.policy.cases import Expectation, JsonObject

_KEYS = ("type", "name")


def difference(expect: Expectation, decision: Decision) -> str:
    """Return the difference between an expectation and a decision, empty when there is none.

    Lines that begin with `-` were expected, with `+` decided, with a space both.
    """
    lines = list(_lines(expect, msgspec.to_builtins(decision)))
    return "\n".join(["--- expected", "+++ decided", *lines]) if lines else ""


def unequal(names: tuple[str, str], decisions: tuple[Decision, Decision]) -> str:
    """Return the difference between two engines' decisions on the same facts."""
    left, right = (msgspec.to_builtins(decision) for decision in decisions)
    lines = [
        line
        for key in left.keys() | right.keys()
        if left.get(key) != right.get(key)
        for line in _change(key, left.get(key), right.get(key))
    ]
    return "\n".join([f"--- {names[0]}", f"+++ {names[1]}", *lines])


def _lines(expect: Expectation, decision: JsonObject) -> Iterator[str]:
    reasons = decision.get("reasons", [])
    rules = [reason["rule"] for reason in reasons]
    if decision["allow"] is not expect.allow:
        yield from _change("allow", expect.allow, decision["allow"])
    if rules != list(expect.rules):
        yield "  rules:"
        yield from _members(list(expect.rules), rules)
    first = reasons[0]["message"] if reasons else None
    if expect.message not in {None, first}:
        yield from _change("message", expect.message, first)
    route = decision.get("route") or {}
    wrong = [key for key, value in expect.route.items() if route.get(key) != value]
    if wrong:
        yield "  route:"
    for key in wrong:
        yield from _change(f"  {key}", expect.route[key], route.get(key))
    yield from _obligations(expect, decision.get("obligations", []))


def _obligations(expect: Expectation, decided: list[JsonObject]) -> Iterator[str]:
    for wanted in expect.obligations:
        if any(holds(one, wanted) for one in decided):
            continue
        like = max(decided, key=lambda one: _alike(one, wanted), default=None)
        if like is None or like["type"] != wanted.get("type"):
            yield f"- obligation {_text(wanted)}"
            continue
        same = {key: like[key] for key in _KEYS if key in like and wanted.get(key) == like[key]}
        yield f"  obligation {_text(same)}:"
        for key, value in wanted.items():
            if like.get(key) != value:
                yield from _change(f"  {key}", value, like.get(key))
    for one in decided:
        if one["type"] in expect.without:
            yield f"+ obligation {_text(one)}"


def _members(wanted: list[str], got: list[str]) -> Iterator[str]:
    for one in sorted({*wanted, *got}):
        mark = " " if one in wanted and one in got else "-" if one in wanted else "+"
        yield f"{mark}   {one}"


def _change(name: str, wanted: object, got: object) -> Iterator[str]:
    if wanted is not None:
        yield f"- {name}: {_text(wanted)}"
    if got is not None:
        yield f"+ {name}: {_text(got)}"


def _alike(one: JsonObject, wanted: JsonObject) -> tuple[bool, bool, int]:
    """Sort key: the same type first, then the same name, then the most in common."""
    return (
        one.get("type") == wanted.get("type"),
        one.get("name") == wanted.get("name"),
        sum(one.get(key) == value for key, value in wanted.items()),
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
