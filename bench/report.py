"""Figures as Markdown tables for people, and as JSON for `bench/latest.json`."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figures import CONNECTIONS, MANY, MEGABYTE, ONE, targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.figures import Measured

_PROCESSES = ("envoy", "service", "upstream", "wrk")
_STAGES = (
    *("identify", "admission", "body", "parse", "read", "inference", "obligations", "reserve"),
    *("rewrite", "backend", "translate", "stream", "settle"),
)


def machine() -> dict[str, Any]:
    """What it runs on, and how busy that was before."""
    models = (
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return {
        "cpu": next(models, platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def as_text(measured: Measured) -> str:
    """Every table, and why a row is missing."""
    parts = [_rates(measured), *(_cpu(measured, count) for count in CONNECTIONS)]
    parts += [_stages(measured), _ratios(measured), _memory(measured), _targets(measured)]
    parts += [f"Not measured: {reason}" for reason in measured.failures.values()]
    return "\n\n".join(part for part in parts if part)


def as_json(measured: Measured, about: dict[str, Any]) -> dict[str, Any]:
    """The same figures in seconds and bytes, and each round they come from."""
    cells = [
        {
            "contender": name,
            "connections": connections,
            "rate": measured.value(name, connections, lambda one: one.rate),
            "p50": measured.value(name, connections, lambda one: one.p50),
            "p99": measured.value(name, connections, lambda one: one.p99),
            "cpu": measured.cpu(name, connections),
            "stages": measured.stage_means(name, connections),
            "rounds": [asdict(one) for one in samples],
        }
        for (name, connections), samples in measured.samples.items()
    ]
    return {
        "machine": about,
        "figures": cells,
        "memory": asdict(measured.memory) if measured.memory else None,
        "targets": [asdict(one) for one in targets(measured)],
        "failures": measured.failures,
    }


def _rates(measured: Measured) -> str:
    header = ["", *(f"{what}, {count}" for count in CONNECTIONS for what in _COLUMNS)]
    rows = []
    for name, title in _measured(measured):
        row = [title]
        for count in CONNECTIONS:
            row += [
                f"{measured.value(name, count, lambda one: one.rate):,.0f}",
                f"{measured.value(name, count, lambda one: one.p50) * 1e3:.2f}",
                f"{measured.value(name, count, lambda one: one.p99) * 1e3:.2f}",
            ]
        rows.append(row)
    return "Requests/s and milliseconds, at 1 and 16 connections:\n\n" + table(header, rows)


_COLUMNS = ("req/s", "p50", "p99")


def _cpu(measured: Measured, connections: int) -> str:
    rows = []
    for name, title in _measured(measured):
        cpu = measured.cpu(name, connections)
        cells = (f"{cpu[one] * 1e6:,.0f}" if one in cpu else "" for one in _PROCESSES)
        rows.append([title, *cells])
    plural = "connection" if connections == ONE else "connections"
    head = f"CPU a request in microseconds, at {connections} {plural}:\n\n"
    return head + table(["", *_PROCESSES], rows)


def _stages(measured: Measured) -> str:
    columns = [
        (name, count, means)
        for name in measured.titles
        for count in CONNECTIONS
        if (means := measured.stage_means(name, count))
    ]
    if not columns:
        return ""
    found = {stage for _, _, means in columns for stage in means}
    names = [stage for stage in _STAGES if stage in found] + sorted(found - {*_STAGES})
    rows = [
        [stage, *(_microseconds(means.get(stage)) for _, _, means in columns)] for stage in names
    ]
    header = ["", *(f"{measured.titles[name]}, {count}" for name, count, _ in columns)]
    return (
        "Sluice by stage, mean microseconds of elapsed time, what it waited for included:\n\n"
        + table(header, rows)
    )


def _microseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:,.0f}"


def _ratios(measured: Measured) -> str:
    pairs = (
        ("floor", "envoy"),
        ("sluice", "floor"),
        ("sluice-masked", "floor"),
        ("sluice-streaming", "floor-streaming"),
        ("sluice", "litellm"),
    )
    rows = []
    for name, other in pairs:
        ratios = [measured.ratio(name, other, count) for count in CONNECTIONS]
        if None not in ratios:
            title = f"{measured.titles[name]} / {measured.titles[other]}"
            rows.append([title, *(f"{ratio:.2f}" for ratio in ratios)])
    header = ["throughput", *(f"{count} conn." for count in CONNECTIONS)]
    return "Ratios, each the median of the rounds' own:\n\n" + table(header, rows)


def _memory(measured: Measured) -> str:
    memory = measured.memory
    if memory is None:
        return ""
    total = memory.run[-1][0]
    rows, tenths = [["idle", f"{memory.idle / MEGABYTE:.1f}"]], 0
    for requests, size in memory.run:
        if requests * 10 >= tenths * total:
            rows.append([f"{requests:,}", f"{size / MEGABYTE:.1f}"])
            tenths = requests * 10 // total + 1
    return f"Resident memory of the service, at {MANY} connections:\n\n" + table(
        ["requests", "MB"], rows
    )


def _targets(measured: Measured) -> str:
    rows = [
        [
            one.what,
            one.bound,
            "not measured" if one.measured is None else f"{one.measured:.2f}",
            "met" if one.met else "missed",
        ]
        for one in targets(measured)
    ]
    return "Targets:\n\n" + table(["Sluice", "target", "measured", ""], rows)


def _measured(measured: Measured) -> Iterator[tuple[str, str]]:
    """Contenders with figures for both numbers of connections, in their order."""
    for name, title in measured.titles.items():
        if all((name, count) in measured.samples for count in CONNECTIONS):
            yield name, title


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned."""
    # Markdown wants a dash and a colon under each, also where no row has anything.
    widths = [max(2, *map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        return f"| {' | '.join(padded)} |"

    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), f"| {' | '.join(rule)} |", *map(line, rows)])
