"""Figures of both sides to ratios, and whether each is within its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures import MEGABYTE
from bench.report import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.gate.memory import Memory


@dataclass(frozen=True, slots=True)
class Figures:
    """What one checkout costs: instructions and opcodes a request by kind, bytes of the service."""

    instructions: Mapping[str, float]
    opcodes: Mapping[str, float]
    memory: Memory


@dataclass(frozen=True, slots=True)
class Limits:
    """The highest ratios that pass: of instructions and opcodes, and of memory."""

    work: float = 1.03
    memory: float = 1.05


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both sides, in the unit that `what` names."""

    what: str
    base: float
    new: float
    limit: float
    digits: int = 0

    @property
    def ratio(self) -> float:
        """The new one of the base's."""
        return self.new / self.base

    @property
    def passes(self) -> bool:
        """Whether it is within the limit; a ratio of just the limit is."""
        return self.ratio <= self.limit


def rows(base: Figures, new: Figures, limits: Limits) -> Sequence[Row]:
    """Every figure."""
    return (
        *(
            Row(f"{kind}, {what} a request", one[kind], other[kind], limits.work)
            for kind in base.instructions
            for what, one, other in (
                ("instructions", base.instructions, new.instructions),
                ("opcodes", base.opcodes, new.opcodes),
            )
        ),
        *(
            Row(f"{what} memory, MB", one / MEGABYTE, other / MEGABYTE, limits.memory, digits=1)
            for what, one, other in (
                ("resident", base.memory.resident, new.memory.resident),
                ("peak", base.memory.peak, new.memory.peak),
            )
        ),
    )


def as_text(compared: Sequence[Row]) -> str:
    """The rows as a table."""
    cells = [
        [
            row.what,
            f"{row.base:,.{row.digits}f}",
            f"{row.new:,.{row.digits}f}",
            f"{row.ratio:.4f}",
            f"{row.limit:g}",
            "" if row.passes else "over",
        ]
        for row in compared
    ]
    return table(["", "base", "new", "new/base", "limit", ""], cells)
