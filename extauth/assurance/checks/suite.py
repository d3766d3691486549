"""Unit tests and decision cases in one run, with the lines that the tests reach."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.building import build
from extauth.assurance.checks.cases import CaseResults, check_cases, read_cases, run_cases
from extauth.assurance.checks.directory import check_configuration, find_target
from extauth.assurance.checks.unit import findings, run_unit_tests
from extauth.assurance.findings import Check, Report
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.assurance.checks.directory import CheckTarget
    from extauth.assurance.checks.unit import Coverage, UnitTests


def run_suite(
    directory: Path, *, opa: Path, only: str | None = None, coverage: float | None = None
) -> Report:
    """Run the tests and cases whose names match the regular expression `only`; all by default.

    `coverage` is the percentage of lines that the unit tests must reach, None for no threshold.
    With `only`, coverage is not reported: a part of the tests reaches a part of the lines.
    Raises ConfigurationError when there are no policies or `only` is not a regular expression,
    StackError when OPA can't be run.
    """
    try:
        pattern = re.compile(only) if only is not None else None
    except re.error as error:
        raise ConfigurationError(f"--run: not a regular expression: {error}") from None
    target = find_target(directory)
    begun = time.perf_counter()
    tests = run_unit_tests(opa, target.repository, only=only, coverage=only is None, traces=True)
    tested = time.perf_counter()
    unit = Check("tests", "Unit tests", tested - begun, findings(tests, coverage))
    checks = [check_configuration(target)] if target.faults else []
    cases, decided = _cases(opa, target, pattern, sole=only is not None)
    decided = [
        msgspec.structs.replace(check, seconds=time.perf_counter() - tested)
        if check.name == "cases"
        else check
        for check in decided
    ]
    return Report("Sluice test", (*checks, unit, *decided), _summary(tests, cases))


def _cases(
    opa: Path, target: CheckTarget, pattern: re.Pattern[str] | None, *, sole: bool
) -> tuple[CaseResults, Sequence[Check]]:
    """Decide the cases by both engines. With `sole`, the lack of any case is not a fault."""
    title = "Decision cases"
    if target.faults:
        return CaseResults(), [Check("cases", title, skipped="see Configuration")]
    read, faults = read_cases(target.repository, pattern)
    if faults:
        return CaseResults(), [Check("cases", title, findings=faults)]
    if not read and sole:
        return CaseResults(), []
    built, check, wasm = build(opa, target.repository)
    if built is None:
        return CaseResults(), [check, Check("cases", title, skipped="the policies can't be built")]
    cases = run_cases(opa, built, read, wasm=wasm)
    decided, parity = check_cases(target.repository, cases)
    return cases, [decided, *([parity] if parity.findings else [])]


def _summary(tests: UnitTests, cases: CaseResults) -> str:
    ran = tests.passed + len(tests.failed)
    lines = [f"{tests.passed} of {ran} unit tests pass"] if ran else ["no unit tests ran"]
    if cases.asked:
        lines.append(f"{cases.asked - len(cases.failed)} of {cases.asked} decision cases pass")
    if tests.percent is not None:
        lines += ["", *_table(tests.coverage), "", f"{tests.percent:g} % of the lines reached"]
    return "\n".join(lines)


def _table(coverage: Sequence[Coverage]) -> list[str]:
    """Return a line for each file: the share that is reached, and the lines that are not."""
    width = max((len(one.file) for one in coverage), default=0)
    return [
        f"    {one.file:<{width}}  {one.percent:5.1f} %  {ranges(one.missed)}".rstrip()
        for one in coverage
    ]


def ranges(lines: Sequence[int]) -> str:
    """Return ascending numbers as people write them: `3-5, 9`."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)
