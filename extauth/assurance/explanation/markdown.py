"""An explanation in Markdown, for a ticket or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.assurance.explanation.text import (
    asides,
    change,
    headline,
    obligation,
    one_line,
    shown,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from extauth.assurance.explanation.explained import Altered, Condition, Explanation


def render(explanation: Explanation) -> str:
    """Return Markdown that ends with a line end. Equal explanations give equal text."""
    return "\n".join(_lines(explanation, "##")) + "\n"


def _lines(explanation: Explanation, mark: str) -> Iterator[str]:
    yield f"{mark} {_plain(headline(explanation))}"
    yield from ("", *(f"> {_plain(line)}" for line in asides(explanation)))
    inner = f"{mark}#"
    if explanation.fired:
        yield from ("", f"{inner} Fired", "")
        for item in explanation.fired:
            place = f" `{item.place}`" if item.place else ""
            yield f"- **{item.reason.rule}**{place} {_plain(item.reason.message)}"
            yield from _conditions(item.conditions, "  ")
    if explanation.nearly:
        rows = [
            (
                item.reason.rule,
                f"`{item.failed.place}`",
                _code(item.failed.text),
                _plain(values(item.failed.values)),
            )
            for item in explanation.nearly
        ]
        yield from _table("Nearly fired", ("rule", "place", "fails", "values"), rows, inner)
    if explanation.obligations:
        granted = [
            (_code(obligation(item.obligation)), f"`{item.place}`")
            for item in explanation.obligations
        ]
        yield from _table("Obligations", ("obligation", "rule"), granted, inner)
    if explanation.route is not None:
        route = explanation.route
        to = f"{route.route.model}@{route.route.version} on {route.route.cluster}"
        steps = [(f"`{route.place}`", route.name, _plain(to))]
        steps += [(f"`{step.place}`", step.name, _plain(shown(step.value))) for step in route.steps]
        yield from _table("Route", ("place", "rule", "value"), steps, inner)
    if explanation.flips:
        flips = [
            (f"`{flip.path}`", _code(change(flip)), ", ".join(flip.rules))
            for flip in explanation.flips
        ]
        yield from _table("One change would flip it", ("fact", "change", "denied by"), flips, inner)
    if explanation.what_if is not None:
        yield from _altered(explanation.what_if, inner)
    if explanation.admission is not None:
        yield ""
        yield from _lines(explanation.admission, mark)


def _conditions(items: Iterable[Condition], indent: str) -> Iterator[str]:
    for item in items:
        told = values(item.values)
        yield f"{indent}- `{item.place}` {_code(item.text)}{f': {_plain(told)}' if told else ''}"
        yield from _conditions(item.because, f"{indent}  ")


def _altered(altered: Altered, mark: str) -> Iterator[str]:
    yield from ("", f"{mark} What if", "")
    for item in altered.changes:
        yield f"- `{item.path}` {_code(f'{shown(item.before)} -> {shown(item.after)}')}"
    yield f"- then **{'allowed' if altered.decision.allow else 'denied'}**"
    for sign, fired in (("now", altered.appeared), ("no longer", altered.gone)):
        for rule in fired:
            yield f"- {sign} **{rule.reason.rule}** `{rule.place}` {_plain(rule.reason.message)}"
    for sign, granted in (
        ("now", altered.obligations_appeared),
        ("no longer", altered.obligations_gone),
    ):
        for told in granted:
            yield f"- {sign} {_code(obligation(told))}"


def _table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], mark: str
) -> Iterator[str]:
    yield from ("", f"{mark} {title}", "", _row(heads), _row(["---"] * len(heads)))
    yield from (_row(row) for row in rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str) -> str:
    return f"`{one_line(text).replace('`', chr(39))}`"


def _plain(text: str) -> str:
    """Return `text` without the characters that Markdown or HTML would interpret."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return printable.replace("&", "&amp;").replace("<", "&lt;").replace("`", "'")
