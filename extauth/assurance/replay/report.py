"""Figures as a report: Markdown that reads well in a terminal too, checks, and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from extauth.assurance.findings import Check, Diagnostic, Report, Severity
from extauth.assurance.replay.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from extauth.assurance.replay.figures import ChangeCount
    from extauth.assurance.replay.replay import Comparison
    from extauth.assurance.replay.threshold import FailThreshold

TITLE = "Replay"
RECORDED = "recorded"
ROWS = 10
"""A table's longest; JSON has all."""

_CHANGES = (
    ("new_denies", "newly denied"),
    ("new_allows", "newly allowed"),
    ("changed_rules", "denied by other rules"),
    ("changed_obligations", "under other obligations"),
    ("changed_routes", "routed elsewhere"),
    ("errors", "without a decision"),
    ("new_429s", "newly over a limit"),
    ("gone_429s", "no longer over a limit"),
)


class ReplayDocument(msgspec.Struct, frozen=True):
    """The document that `sluice replay --format json` prints."""

    title: Annotated[str, msgspec.Meta(description="Always Replay.")]
    failed: Annotated[bool, msgspec.Meta(description="Whether a threshold was passed.")]
    base: Annotated[
        str,
        msgspec.Meta(description="What the candidate is compared with: a commit or `recorded`."),
    ]
    candidate: Annotated[str, msgspec.Meta(description="The candidate: its directory or commit.")]
    figures: Annotated[Figures, msgspec.Meta(description="Everything that was counted.")]
    checks: Annotated[
        tuple[Check, ...],
        msgspec.Meta(description="The thresholds, and what else is worth knowing."),
    ]


def report(comparison: Comparison, figures: Figures, thresholds: Iterable[FailThreshold]) -> Report:
    """Return the report of a replay. It fails when a threshold does."""
    checks = (
        _differences(figures),
        _errors(figures),
        *(threshold.check(figures) for threshold in thresholds),
    )
    return Report(TITLE, checks, "\n".join(_summary(comparison, figures)))


def document(comparison: Comparison, figures: Figures, made: Report) -> str:
    """Return the report and all figures as JSON (schemas/replay.schema.json)."""
    base = comparison.base.name if comparison.base else RECORDED
    whole = ReplayDocument(
        TITLE, made.failed, base, comparison.candidate.name, figures, made.checks
    )
    return msgspec.json.format(msgspec.json.encode(whole)).decode() + "\n"


def _differences(figures: Figures) -> Check:
    found = []
    for name, title in _CHANGES:
        change: ChangeCount = getattr(figures, name)
        if change.count and name != "errors":
            where = ", ".join(f"{each}: {count}" for each, count in _top(change.by))
            share = _percent(change.count, figures.compared)
            verb = "is" if change.count == 1 else "are"
            message = f"{_counted(change.count, 'request')} ({share}) {verb} {title} ({where})"
            found.append(Diagnostic(message, Severity.NOTE))
    if figures.migrated:
        subject = f"{_counted(figures.migrated, 'record')} of an older version"
        message = f"{subject} may lack facts: rules about those see nothing found"
        found.append(Diagnostic(message, Severity.NOTE))
    if not figures.compared:
        found.append(Diagnostic("there is no decision to compare in this range", Severity.WARNING))
    return Check("replay.differences", "decisions compared", findings=tuple(found))


def _errors(figures: Figures) -> Check:
    found = tuple(
        Diagnostic(
            f"{failure}{_blamed(failure, figures)}"
            f" ({_counted(count, 'request')}{', each' * (count > 1)} denied)",
            Severity.WARNING,
        )
        for failure, count in _top(figures.errors.by)
    )
    return Check("replay.errors", "the candidate decides on everything", findings=found)


def _blamed(failure: str, figures: Figures) -> str:
    packages = figures.late.get(failure.partition(":")[0], ())
    return f" in package {', '.join(packages)}" if packages else ""


def _summary(comparison: Comparison, figures: Figures) -> Iterator[str]:
    base = f"`{comparison.base.name}`" if comparison.base else "what was recorded"
    compared = _counted(figures.compared, "decision")
    yield f"`{comparison.candidate.name}` against {base}: {compared} compared"
    verb = "was" if figures.out_of_reach == 1 else "were"
    yield (
        f"of {_counted(figures.records, 'record')}; {figures.out_of_reach:,} {verb} out of reach, "
        "for nobody was recognised or the request was malformed."
    )
    yield ""
    yield from _table(
        ("requests", "count", "share"),
        (
            (title, f"{count:,}", _percent(count, figures.compared))
            for name, title in _CHANGES
            for count in (getattr(figures, name).count,)
        ),
    )
    before, after = figures.before, figures.after
    yield from _table(
        ("on a simulated clock", "before", "after", "change"),
        (
            ("requests with room", *_pair(before.reserved, after.reserved)),
            ("requests over a limit (429)", *_pair(before.refused, after.refused)),
            ("requests that wait in line", *_pair(before.queued, after.queued)),
            ("tokens", *_pair(before.tokens, after.tokens)),
            ("cost", *_pair(before.cost, after.cost)),
        ),
    )
    refused = _counted(figures.recorded_429s, "request")
    yield f"A limit really refused {refused}. The simulated ledger is"
    yield "empty when the trace begins."
    if comparison.sample < 1:
        yield f"Only a sample of {comparison.sample:.3g} of the requests counts against limits."
    for name, title in _CHANGES:
        change: ChangeCount = getattr(figures, name)
        if change.count:
            yield from _change(title, change)
    limits = sorted({*before.limits, *after.limits})
    if limits:
        yield "\n### Requests over a limit\n"
        rows = [
            (each, *_pair(before.limits.get(each, 0), after.limits.get(each, 0))) for each in limits
        ]
        yield from _table(("limit", "before", "after", "change"), rows[:ROWS])
        tenants = sorted({*before.tenants, *after.tenants})
        rows = [
            (each, *_pair(before.tenants.get(each, 0), after.tenants.get(each, 0)))
            for each in tenants
        ]
        yield from _table(("tenant", "before", "after", "change"), rows[:ROWS])


def _change(title: str, change: ChangeCount) -> Iterator[str]:
    yield f"\n### {change.count:,} {title}\n"
    if change.admission_only:
        whose = (
            "was refused before its body was read: it passes, or fails,"
            if change.admission_only == 1
            else "were refused before their body was read: they pass, or fail,"
        )
        yield f"{change.admission_only:,} of them {whose} as far as admission can tell.\n"
    parts = (
        ("", change.by),
        ("tenant", change.tenants),
        ("role", change.roles),
        ("model", change.models),
    )
    rows = [
        (f"{kind} {name}".strip(), f"{count:,}")
        for kind, counts in parts
        for name, count in _top(counts)
    ]
    yield from _table(("by", "requests"), rows)
    yield from _table(
        ("for example", "tenant", "before", "after"),
        ((each.request_id, each.tenant, each.before, each.after) for each in change.examples),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table of Markdown, its columns padded so that it is one in a terminal too."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*cells, strict=True)]
    lines = [
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in cells
    ]
    yield lines[0]
    yield "| " + " | ".join("-" * width for width in widths) + " |"
    yield from lines[1:]
    yield ""


def _top(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:ROWS]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.3g} %" if whole else "-"


def _pair(before: float, after: float) -> tuple[str, str, str]:
    change = f"{100 * (after - before) / before:+.3g} %" if before else "-"
    return _number(before), _number(after), change if after != before else "none"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6f}"
