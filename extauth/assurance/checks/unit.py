"""The policies' unit tests, and the lines that they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.place import findings as findings_of
from extauth.assurance.checks.place import told
from extauth.assurance.findings import Check, Diagnostic
from extauth.rego.fault import OpaError, OpaTimeout
from extauth.rego.opa import Opa, sources
from extauth.rego.process import SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.compiler.repository import Repository
    from extauth.rego.outcome import CoverageReport, TestOutcome

TEST_SECONDS = 2.0
"""The most that one test may take, in seconds. OPA ends it then, and tells which it was."""

_TRACE_SECONDS = 20.0
_TRACED = 20


class FailedTest(msgspec.Struct, frozen=True):
    """A test that did not pass. `late` marks one that was ended because its time was up.

    `file` is as people read it; `output` is what the test printed, and its trace where asked for.
    """

    name: str
    message: str
    file: str
    line: int
    output: str = ""
    late: bool = False


class Coverage(msgspec.Struct, frozen=True):
    """The part of a file that the tests reach. `missed` are line numbers."""

    file: str
    percent: float
    missed: tuple[int, ...] = ()


class UnitTests(msgspec.Struct, frozen=True):
    """Results of the unit tests. `coverage` is by file, empty unless asked for and all passed.

    `faults` are why nothing ran: Rego that doesn't parse, say.
    """

    passed: int = 0
    failed: tuple[FailedTest, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    percent: float | None = None
    faults: tuple[Diagnostic, ...] = ()

    @property
    def green(self) -> bool:
        """True if everything ran and passed."""
        return not self.failed and not self.faults


def run_unit_tests(
    opa: Path,
    repository: Repository,
    *,
    only: str | None = None,
    coverage: bool = False,
    traces: bool = False,
    test_seconds: float = TEST_SECONDS,
    seconds: float = SECONDS,
) -> UnitTests:
    """Run the tests whose full names match the regular expression `only`; all by default.

    `traces` asks where a failed one failed, and with which values, beside what it printed. A test
    may take `test_seconds`, all of them `seconds`. Safe to call in several threads.
    Raises StackError when OPA can't be run.
    """
    root, command = repository.root, Opa(opa)
    try:
        outcomes = command.test(
            sources(root), cwd=root, only=only, test_seconds=test_seconds, seconds=seconds
        )
    except OpaError as error:
        return UnitTests(faults=_faults(error, "the unit tests", seconds))
    failed = sorted(
        (_failed(outcome, root) for outcome in outcomes if outcome.failed),
        key=lambda test: (test.file, test.line, test.name),
    )
    if traces:
        failed = _traced(failed, command, root, test_seconds)
    tests = UnitTests(sum(outcome.passed for outcome in outcomes), tuple(failed))
    if not coverage or not tests.green:
        return tests
    try:
        # They all passed in time, and are slower when their lines are counted.
        report = command.coverage(sources(root), cwd=root, test_seconds=seconds, seconds=seconds)
    except OpaError as error:
        faults = _faults(error, "the unit tests with coverage", seconds)
        return msgspec.structs.replace(tests, faults=faults)
    return _covered(tests, report, root)


def check_tests(opa: Path, repository: Repository, threshold: float | None) -> Check:
    """Run the unit tests as a check, with `threshold` percent of the lines to be reached."""
    tests = None if threshold is None else _reached(opa, repository.root)
    if tests is None:
        tests = run_unit_tests(opa, repository, coverage=threshold is not None, traces=True)
    return Check("tests", "Unit tests", findings=findings(tests, threshold))


def findings(tests: UnitTests, threshold: float | None = None) -> tuple[Diagnostic, ...]:
    """Return the tests that fail, and, below the threshold, the lines that no test reaches."""
    found = [*tests.faults]
    for test in tests.failed:
        output = test.output.rstrip("\n") or None
        found.append(
            Diagnostic(
                f"{test.name}: {test.message}", file=test.file, line=test.line, detail=output
            )
        )
    if threshold is None or tests.percent is None or tests.percent >= threshold:
        return tuple(found)
    found.append(
        Diagnostic(f"tests reach {tests.percent:g} % of the lines, expected {threshold:g} %")
    )
    found += [
        Diagnostic("no test reaches this line", file=one.file, line=line)
        for one in tests.coverage
        for line in one.missed
    ]
    return tuple(found)


def _reached(opa: Path, root: Path) -> UnitTests | None:
    """Return the lines that the tests reach, without their number; None unless all of them pass.

    OPA reports either the lines or the tests, and most often all pass: then one run is enough.
    """
    try:
        report = Opa(opa).coverage(sources(root), cwd=root, test_seconds=TEST_SECONDS)
    except OpaError:
        return None
    return _covered(UnitTests(), report, root)


def _faults(error: OpaError, what: str, seconds: float) -> tuple[Diagnostic, ...]:
    if isinstance(error, OpaTimeout):
        return (Diagnostic(f"{what} took more than {seconds:g} s"),)
    return findings_of(error)


def _failed(outcome: TestOutcome, root: Path) -> FailedTest:
    package = outcome.package.removeprefix("data.")
    message = outcome.error.message if outcome.error else "failed"
    if outcome.late:
        message = f"took too long in package {package}"
    return FailedTest(
        name=f"{package}.{outcome.name}",
        message=message,
        file=told(root / outcome.location.file),
        line=outcome.location.row,
        output=outcome.output.decode("utf-8", "replace"),
        late=outcome.late,
    )


def _traced(tests: list[FailedTest], opa: Opa, root: Path, test_seconds: float) -> list[FailedTest]:
    """Add the failed expression to the output of the first 20 tests, unless that takes too long."""
    names = [test.name for test in tests if not test.late][:_TRACED]
    if not names:
        return tests
    try:
        traces = opa.traces(
            sources(root), names, cwd=root, test_seconds=test_seconds, seconds=_TRACE_SECONDS
        )
    except OpaError:
        return tests
    return [
        msgspec.structs.replace(test, output=f"{test.output}{traces.get(test.name, '')}")
        for test in tests
    ]


def _covered(tests: UnitTests, report: CoverageReport, root: Path) -> UnitTests:
    files = tuple(
        Coverage(told(root / name), one.coverage, one.missed)
        for name, one in sorted(report.files.items())
        if not name.endswith("_test.rego")
    )
    return msgspec.structs.replace(tests, coverage=files, percent=report.coverage)
