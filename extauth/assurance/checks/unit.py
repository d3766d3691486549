"""The policies' unit tests, and the lines that they reach."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.checks.command import faults, sources, too_long
from extauth.assurance.checks.place import told
from extauth.assurance.checks.trace import trace
from extauth.assurance.findings import Check, Finding
from extauth.rego.process import SECONDS, run

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.compiler.repository import Repository
    from extauth.rego.process import Done

TEST_SECONDS = 2.0
"""The most that one test may take. OPA ends it then, and tells which it was."""

_LATE = "eval_cancel_error"


class Test(msgspec.Struct, frozen=True):
    """A test that did not pass. `late` says that it was ended.

    `file` is as people read it; `output` is what the test printed, and its trace where asked for.
    """

    __test__ = False  # pytest collects classes of this name

    name: str
    message: str
    file: str
    line: int
    output: str = ""
    late: bool = False


class Coverage(msgspec.Struct, frozen=True):
    """How much of a file the tests reach. `missed` are line numbers, `percent` is of 100."""

    file: str
    percent: float
    missed: tuple[int, ...] = ()


class UnitTests(msgspec.Struct, frozen=True):
    """What the tests said. `coverage` is by file, and empty unless asked for and all passed.

    `faults` says why nothing ran: Rego that doesn't parse, say.
    """

    passed: int = 0
    failed: tuple[Test, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    percent: float | None = None
    faults: tuple[Finding, ...] = ()

    @property
    def green(self) -> bool:
        """Whether everything ran and passed."""
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
    root = repository.root
    arguments = _arguments(test_seconds)
    if only is not None:
        arguments += ["--run", only]
    done = run(opa, *arguments, *sources(root), cwd=root, seconds=seconds)
    tests = _tests(done, root, seconds)
    if traces:
        tests = _traced(tests, opa, root, test_seconds)
    if not coverage or not tests.green:
        return tests
    done = run(opa, *arguments, "--coverage", *sources(root), cwd=root, seconds=seconds)
    return _covered(tests, done, root, seconds)


def check_tests(opa: Path, repository: Repository, threshold: float | None) -> Check:
    """The check of that name, with `threshold` percent of the lines to be reached."""
    tests = None if threshold is None else _reached(opa, repository.root)
    if tests is None:
        tests = run_unit_tests(opa, repository, coverage=threshold is not None, traces=True)
    return Check("tests", "Unit tests", findings=findings(tests, threshold))


def findings(tests: UnitTests, threshold: float | None = None) -> tuple[Finding, ...]:
    """What is wrong: tests that fail, and lines that no test reaches while too few are."""
    found = [*tests.faults]
    for test in tests.failed:
        output = test.output.rstrip("\n") or None
        found.append(
            Finding(f"{test.name}: {test.message}", file=test.file, line=test.line, detail=output)
        )
    if threshold is None or tests.percent is None or tests.percent >= threshold:
        return tuple(found)
    found.append(Finding(f"tests reach {tests.percent:g} % of the lines, expected {threshold:g} %"))
    found += [
        Finding("no test reaches this line", file=one.file, line=line)
        for one in tests.coverage
        for line in one.missed
    ]
    return tuple(found)


def _arguments(test_seconds: float) -> list[str]:
    return ["test", "--format", "json", "--timeout", f"{test_seconds}s"]


def _reached(opa: Path, root: Path) -> UnitTests | None:
    """What the tests reach, without their number; None unless all of them pass.

    OPA tells either the lines or the tests, and most often all pass: then one run is enough.
    """
    done = run(opa, *_arguments(TEST_SECONDS), "--coverage", *sources(root), cwd=root)
    tests = _covered(UnitTests(), done, root, SECONDS)
    return tests if done.status == 0 and tests.green else None


def _tests(done: Done, root: Path, seconds: float) -> UnitTests:
    rows = _json(done)
    if done.late:
        return UnitTests(faults=(too_long("the unit tests", seconds),))
    if not isinstance(rows, list):
        nothing = done.status == 0 and not done.err
        return UnitTests() if nothing else UnitTests(faults=faults(done.err or done.out, root))
    failed = [_failed(row, root) for row in rows if row.get("fail") or row.get("error")]
    skipped = sum(bool(row.get("skip")) for row in rows)
    return UnitTests(
        passed=len(rows) - len(failed) - skipped,
        failed=tuple(sorted(failed, key=lambda test: (test.file, test.line, test.name))),
    )


def _failed(row: dict[str, Any], root: Path) -> Test:
    name = f"{row['package'].removeprefix('data.')}.{row['name']}"
    error = row.get("error") or {}
    message = error.get("message", "failed")
    late = error.get("code") == _LATE
    if late:
        message = f"took too long in package {row['package'].removeprefix('data.')}"
    place = row["location"]
    return Test(
        name=name,
        message=message,
        file=told(root / place["file"]),
        line=place["row"],
        output=base64.b64decode(row.get("output", "")).decode("utf-8", "replace"),
        late=late,
    )


def _traced(tests: UnitTests, opa: Path, root: Path, test_seconds: float) -> UnitTests:
    names = [test.name for test in tests.failed if not test.late]
    told = trace(opa, root, names, test_seconds)
    failed = tuple(
        msgspec.structs.replace(test, output=f"{test.output}{told.get(test.name, '')}")
        for test in tests.failed
    )
    return msgspec.structs.replace(tests, failed=failed)


def _covered(tests: UnitTests, done: Done, root: Path, seconds: float) -> UnitTests:
    report = _json(done)
    if done.late:
        late = too_long("the unit tests with coverage", seconds)
        return msgspec.structs.replace(tests, faults=(late,))
    if not isinstance(report, dict):
        return msgspec.structs.replace(tests, faults=faults(done.err or done.out, root))
    files = [
        Coverage(
            file=told(root / name),
            percent=float(one.get("coverage", 0)),
            missed=tuple(
                sorted(
                    {
                        line
                        for part in one.get("not_covered", ())
                        for line in range(part["start"]["row"], part["end"]["row"] + 1)
                    }
                )
            ),
        )
        for name, one in sorted(report["files"].items())
        if not name.endswith("_test.rego")
    ]
    return msgspec.structs.replace(
        tests, coverage=tuple(files), percent=float(report.get("coverage", 0))
    )


def _json(done: Done) -> Any:
    try:
        return msgspec.json.decode(done.out)
    except msgspec.DecodeError:
        return None
