"""An explanation as aligned text, the decision first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from extauth.assurance.explanation.explained import (
        Altered,
        Condition,
        Explanation,
        Fired,
        Flip,
        Value,
    )
    from extauth.obligations import Decision

_LONGEST = 72
_WIDEST = 48


def render(explanation: Explanation) -> str:
    """Return plain text that ends with a line end. Equal explanations give equal text."""
    lines = "\n".join(_lines(explanation))
    return "".join(char for char in lines if char.isprintable() or char == "\n") + "\n"


def headline(explanation: Explanation) -> str:
    """Return the decision in one line."""
    recorded, decision = explanation.recorded, explanation.decision
    parts = []
    if decision is None:
        ended = f"{recorded.outcome.upper()} {recorded.status} {recorded.error}" if recorded else ""
        parts.append(f"{ended} before any policy was asked")
    else:
        parts.append(_verdict(decision))
        parts.append(f"at {explanation.stage}")
    if explanation.facts is not None:
        facts = explanation.facts
        parts += [facts["request"]["operation"], *_whom(facts)]
    if recorded is not None:
        parts.append(f"request {recorded.request_id}")
    parts.append(f"policies {explanation.policies[:_WIDEST]}")
    return "  ".join(parts)


def asides(explanation: Explanation) -> Iterator[str]:
    """Yield remarks on the decision: what was recorded, what could not be looked at."""
    recorded, decision = explanation.recorded, explanation.decision
    if recorded is not None and decision is not None:
        if recorded.differs:
            then = _verdict(recorded.decision) if recorded.decision else "no decision"
            yield f"recorded otherwise, with snapshot {recorded.snapshot[:12]}: {then}"
        if decision.allow and recorded.outcome not in {"served", "denied"}:
            error = f" {recorded.error}" if recorded.error else ""
            yield f"allowed by policy, and then {recorded.outcome}: {recorded.status}{error}"
    if explanation.note:
        yield explanation.note


def shown(value: Any) -> str:
    """Return a value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def values(found: Sequence[Value]) -> str:
    """Return values by name, without objects, which do not fit a line."""
    told = [item for item in found if not isinstance(item.value, dict)]
    return ", ".join(f"{item.name} = {shown(item.value)}" for item in told)


def one_line(text: str) -> str:
    """Return an expression on one line, without its comments."""
    return " ".join(line.split("  #")[0].strip() for line in text.splitlines())


def change(flip: Flip) -> str:
    """Return a flip's change: from, to, and what else would do."""
    before = "none" if flip.before is None else shown(flip.before)
    also = f" (also {', '.join(map(shown, flip.also))})" if flip.also else ""
    return f"{before} -> {'none' if flip.after is None else shown(flip.after)}{also}"


def obligation(item: dict[str, Any]) -> str:
    """Return an obligation, its type first."""
    rest = (f"{key}={shown(value)}" for key, value in item.items() if key not in {"type", "name"})
    name = f" {item['name']}" if "name" in item else ""
    return f"{item['type']}{name}  {' '.join(rest)}"


def _lines(explanation: Explanation) -> Iterator[str]:
    yield headline(explanation)
    yield from (f"  {line}" for line in asides(explanation))
    if explanation.fired:
        yield from _titled("fired", _fired(explanation.fired))
    if explanation.nearly:
        rows = [
            (
                item.reason.rule,
                item.failed.place,
                one_line(item.failed.text),
                values(item.failed.values),
            )
            for item in explanation.nearly
        ]
        yield from _titled("nearly fired, but for one condition", _aligned(rows))
    if explanation.obligations:
        granted = [(item.place, obligation(item.obligation)) for item in explanation.obligations]
        yield from _titled("obligations", _aligned(granted))
    if explanation.route is not None:
        route = explanation.route
        to = f"{route.route.model}@{route.route.version} on {route.route.cluster}"
        steps = [(route.place, route.name, to)]
        steps += [(step.place, step.name, shown(step.value)) for step in route.steps]
        yield from _titled("route", _aligned(steps))
    if explanation.decision is not None:
        yield from _titled(*_flips(explanation))
    if explanation.what_if is not None:
        yield from _titled("what if", _altered(explanation.what_if))
    if explanation.admission is not None and explanation.admission.decision is not None:
        yield ""
        yield f"{_verdict(explanation.admission.decision)}  at admission, before the body was read"


def _fired(items: Iterable[Fired]) -> Iterator[str]:
    for item in items:
        hidden = "  (hidden from the client)" if item.reason.hidden else ""
        yield f"{item.reason.rule}  {item.place or 'no single rule'}  {item.reason.message}{hidden}"
        yield from (f"  {line}" for line in _aligned(list(_conditions(item.conditions, {}))))


def _conditions(
    items: Iterable[Condition], told: dict[str, Any], depth: int = 0
) -> Iterator[tuple[str, str, str]]:
    """Yield rows in which a value that was shown is not shown again."""
    for item in items:
        mark = "  " * depth + ("fails: " if depth else "")
        fresh = [value for value in item.values if told.get(value.name, told) != value.value]
        told.update((value.name, value.value) for value in fresh)
        yield item.place, mark + one_line(item.text), values(fresh)
        yield from _conditions(item.because, told, depth + 1)


def _flips(explanation: Explanation) -> tuple[str, Iterator[str]]:
    allowed = explanation.decision is not None and explanation.decision.allow
    title = "would be denied with one change" if allowed else "would be allowed with one change"
    if not explanation.flips:
        return title, iter(["none was found" if explanation.searched else "unknown"])
    rows = [(flip.path, change(flip), ", ".join(flip.rules)) for flip in explanation.flips]
    return title, _aligned(rows)


def _altered(altered: Altered) -> Iterator[str]:
    for item in altered.changes:
        yield f"{item.path}: {shown(item.before)} -> {shown(item.after)}"
    yield _verdict(altered.decision)
    for sign, fired in (("+", altered.appeared), ("-", altered.gone)):
        for rule in fired:
            yield f"{sign} {rule.reason.rule}  {rule.place}  {rule.reason.message}"
    for sign, granted in (("+", altered.obligations_appeared), ("-", altered.obligations_gone)):
        for item_ in granted:
            yield f"{sign} {obligation(item_)}"


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield title
    yield from (f"  {line}" for line in lines)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    columns = len(rows[0]) if rows else 0
    widths = [min(max(len(row[place]) for row in rows), _LONGEST) for place in range(columns)]
    for row in rows:
        yield "  ".join(
            f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()


def _verdict(decision: Decision) -> str:
    if decision.allow:
        return "ALLOWED"
    # The client is told of the first.
    status = decision.reasons[0].status if decision.reasons else 403
    rules = ", ".join(dict.fromkeys(reason.rule for reason in decision.reasons))
    return f"DENIED {status} by {rules or 'no rule'}"


def _whom(facts: dict[str, Any]) -> Iterator[str]:
    principal, model = facts["principal"], facts["model"]
    if model is not None:
        yield model["name"]
    roles = ", ".join(principal["roles"])
    yield f"{principal['id']} (tenant {principal['tenant']}, tier {principal['tier']}, {roles})"
