"""Search for single changes of the input that flip the decision, fact by fact."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.explanation.alternatives import step_of
from extauth.assurance.explanation.explained import Flip
from extauth.assurance.explanation.leaves import InputSchema, Leaf, document_of
from extauth.errors import PolicyError, PolicyUnavailable
from extauth.types import Facts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.assurance.explanation.alternatives import Alternatives
    from extauth.obligations import Decision
    from extauth.policy import Entrypoint, PolicyEngine

MOST = 5
_ALSO = 4

# What a client may change by itself comes first, who it is last.
_SECTIONS = (
    *("parameters", "tokens", "sensitive", "guard", "parts", "purpose", "model", "request"),
    *("time", "source", "usage", "load", "behaviour", "classifiers", "absent"),
)


class OutOfTime(Exception):
    """The search ran out of time. Stays within this module."""


class Search:
    """Search for single changes around one input. Asks an engine many times.

    `seconds` are of processor time, so that a busy machine finds as much as an idle one.
    """

    def __init__(
        self,
        engine: PolicyEngine,
        entrypoint: Entrypoint,
        alternatives: Alternatives,
        seconds: float,
    ) -> None:
        self._engine = engine
        self._entrypoint = entrypoint
        self._alternatives = alternatives
        self._deadline = time.process_time() + seconds

    async def flips(self, facts: Facts, allow: bool) -> tuple[tuple[Flip, ...], bool]:
        """Return the nearest flip of each fact, likeliest first, and whether all were tried."""
        document = document_of(facts)
        schema = InputSchema()
        found: list[tuple[tuple[int, float], Flip]] = []
        complete = True
        try:
            for leaf in sorted(schema.leaves(document), key=_plausibility):
                flip = await self._leaf(document, leaf, allow)
                if flip is not None:
                    found.append(((_plausibility(leaf), _distance(flip)), flip))
            for leaf in schema.maps(document):
                flip = await self._map(document, leaf, allow)
                if flip is not None:
                    found.append(((_plausibility(leaf), 1.0), flip))
        except OutOfTime:
            complete = False
        found.sort(key=lambda item: item[0])
        return tuple(flip for _, flip in found[:MOST]), complete

    async def _leaf(self, document: dict[str, Any], leaf: Leaf, allow: bool) -> Flip | None:
        async def ask(value: Any) -> Decision | None:
            return await self._flipped(_with(document, leaf.path, value), allow)

        numeric = not isinstance(leaf.value, bool) and leaf.types & {"integer", "number"}
        if numeric and leaf.value is not None:
            nearest = await self._number(leaf, ask)
            if nearest is not None:
                return nearest
            values: list[Any] = [None] if "null" in leaf.types else []
        elif numeric:
            values = list(self._alternatives.numbers(leaf))
        else:
            values = list(self._alternatives.others(leaf))
        hits = [(value, decision) for value in values if (decision := await ask(value))]
        if not hits:
            return None
        (value, decision), also = hits[0], [value for value, _ in hits[1:]]
        told = () if numeric else tuple(also[:_ALSO])
        return Flip(leaf.name, leaf.value, value, also=told, rules=_rules(decision))

    async def _number(
        self, leaf: Leaf, ask: Callable[[Any], Awaitable[Decision | None]]
    ) -> Flip | None:
        """Return the nearest number that flips, below or above."""
        values = self._alternatives.numbers(leaf)
        sides = (
            [value for value in reversed(values) if value < leaf.value],
            [value for value in values if value > leaf.value],
        )
        best: tuple[float, Flip] | None = None
        step = step_of(leaf)
        for side in sides:
            kept = leaf.value
            for value in side:
                if best is not None and abs(value - leaf.value) - step > best[0]:
                    break
                if (decision := await ask(value)) is None:
                    kept = value
                    continue
                nearest, decision = await _closest(kept, value, decision, step, ask)
                distance = abs(nearest - leaf.value)
                if best is None or distance < best[0]:
                    flip = Flip(leaf.name, leaf.value, nearest, step=step, rules=_rules(decision))
                    best = distance, flip
                break
        return best[1] if best else None

    async def _map(self, document: dict[str, Any], leaf: Leaf, allow: bool) -> Flip | None:
        """Return the first added key of an object with free keys that flips."""
        hits = []
        for key, value in self._alternatives.added(leaf):
            decision = await self._flipped(_with(document, (*leaf.path, key), value), allow)
            if decision is not None:
                hits.append((key, value, decision))
        if not hits:
            return None
        key, value, decision = hits[0]
        return Flip(f"{leaf.name}.{key}", None, value, rules=_rules(decision))

    async def _flipped(self, document: dict[str, Any], allow: bool) -> Decision | None:
        """Return the decision on a document, if it is the other one."""
        if time.process_time() > self._deadline:
            raise OutOfTime
        try:
            decision = await self._engine.decide(self._entrypoint, msgspec.convert(document, Facts))
        except PolicyError:
            return None
        except PolicyUnavailable:
            raise OutOfTime from None
        return decision if decision.allow is not allow else None


async def _closest(
    kept: float,
    value: float,
    decision: Decision,
    step: float,
    ask: Callable[[Any], Awaitable[Decision | None]],
) -> tuple[float, Decision]:
    """Halve the way from a value that flips to one that does not, until a step is between them."""
    way = step if kept > value else -step
    flips, keeps = 0, int(abs(kept - value) / step) + 1
    first = value
    while keeps - flips > 1:
        middle = (flips + keeps) // 2
        tried = first + middle * way if step == 1 else round(first + middle * way, 10)
        if (kept < tried) if way < 0 else (kept > tried):
            found = await ask(tried)
        else:
            found = None
        if found is None:
            keeps = middle
        else:
            flips, value, decision = middle, tried, found
    return value, decision


def _with(document: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a copy in which the value at a path is another one; all else is shared."""
    first, rest = path[0], path[1:]
    return {**document, first: _with(document[first], rest, value) if rest else value}


def _plausibility(leaf: Leaf) -> int:
    section = leaf.path[0]
    # A principal stays in its bucket.
    known = section in _SECTIONS and leaf.path != ("model", "bucket")
    return _SECTIONS.index(section) if known else len(_SECTIONS)


def _distance(flip: Flip) -> float:
    if flip.step is None:
        return 1.0
    return float(abs(flip.after - flip.before) / max(abs(flip.after), abs(flip.before), 1))


def _rules(decision: Decision) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason.rule for reason in decision.reasons))
