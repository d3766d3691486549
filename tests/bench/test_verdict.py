"""Two checkouts' figures to ratios, and to a verdict."""

from __future__ import annotations

from dataclasses import replace

from bench.gate.memory import Memory
from bench.gate.verdict import Figures, Limits, Row, as_text, rows

BASE = Figures(
    instructions={"plain": 4_000_000.0, "masking": 7_500_000.0},
    opcodes={"plain": 20_000.0, "masking": 43_000.0},
    memory=Memory(resident=150_000_000, peak=160_000_000),
)


def over(new: Figures, limits: Limits | None = None) -> list[str]:
    """What does not pass."""
    return [row.what for row in rows(BASE, new, limits or Limits()) if not row.passes]


def test_every_figure_is_compared() -> None:
    assert [row.what for row in rows(BASE, BASE, Limits())] == [
        "plain, instructions a request",
        "plain, opcodes a request",
        "masking, instructions a request",
        "masking, opcodes a request",
        "resident memory, MB",
        "peak memory, MB",
    ]


def test_a_checkout_passes_against_itself() -> None:
    assert over(BASE) == []
    assert {row.ratio for row in rows(BASE, BASE, Limits())} == {1.0}


def test_the_ratio_is_the_new_one_of_the_bases() -> None:
    assert Row("opcodes", base=200.0, new=150.0, limit=1.03).ratio == 0.75


def test_the_limit_itself_passes() -> None:
    assert Row("opcodes", base=100.0, new=103.0, limit=1.03).passes
    assert not Row("opcodes", base=100.0, new=103.1, limit=1.03).passes


def test_one_kind_over_the_limit_is_named() -> None:
    slower = {"plain": 4_100_000.0, "masking": 7_800_000.0}
    assert over(replace(BASE, instructions=slower)) == ["masking, instructions a request"]
    more = {"plain": 20_700.0, "masking": 43_000.0}
    assert over(replace(BASE, opcodes=more)) == ["plain, opcodes a request"]


def test_memory_has_a_limit_of_its_own() -> None:
    grown = replace(BASE, memory=Memory(resident=156_000_000, peak=169_000_000))
    assert over(grown) == ["peak memory, MB"]
    assert over(grown, Limits(memory=1.03)) == ["resident memory, MB", "peak memory, MB"]


def test_less_always_passes() -> None:
    halved = Figures(
        instructions={kind: one / 2 for kind, one in BASE.instructions.items()},
        opcodes={kind: one / 2 for kind, one in BASE.opcodes.items()},
        memory=Memory(75_000_000, 80_000_000),
    )
    assert over(halved) == []


def test_the_table_shows_both_sides_the_ratio_and_what_is_over() -> None:
    new = replace(BASE, opcodes={"plain": 22_000.0, "masking": 43_000.0})
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in as_text(rows(BASE, new, Limits())).splitlines()
    ]
    assert lines[0] == ["", "base", "new", "new/base", "limit", ""]
    assert ["plain, opcodes a request", "20,000", "22,000", "1.1000", "1.03", "over"] in lines
    assert ["masking, opcodes a request", "43,000", "43,000", "1.0000", "1.03", ""] in lines
    assert ["peak memory, MB", "160.0", "160.0", "1.0000", "1.05", ""] in lines


def test_a_table_without_a_verdict_in_it_is_still_one_in_markdown() -> None:
    _, rule, *_ = as_text(rows(BASE, BASE, Limits())).splitlines()

    assert all(set(cell.strip()) == {"-", ":"} for cell in rule.strip("|").split("|"))
