"""Every check of a directory of policies, side by side."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks import types
from extauth.assurance.checks.building import build, check_gateway
from extauth.assurance.checks.cases import CaseResults, check_cases, read_cases, run_cases
from extauth.assurance.checks.data import check_data
from extauth.assurance.checks.directory import check_configuration, find_target
from extauth.assurance.checks.formatting import check_format
from extauth.assurance.checks.linting import check_lint
from extauth.assurance.checks.metadata import check_metadata
from extauth.assurance.checks.names import check_names
from extauth.assurance.checks.reach import check_reach
from extauth.assurance.checks.syntax import read_syntax
from extauth.assurance.checks.types import check_types, unreadable
from extauth.assurance.checks.unit import check_tests
from extauth.assurance.findings import Check, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from extauth.assurance.checks.directory import CheckTarget

FULL = 100.0
_PARALLEL = 6
_TITLES = {
    "configuration": "Configuration",
    "data": "Data",
    "format": "Format",
    "types": "Syntax and types",
    "metadata": "Metadata and tests",
    "reach": "Rules are reached",
    "names": "Tiers, roles and models",
    "tests": "Unit tests",
    "build": "Wasm build",
    "cases": "Decision cases",
    "parity": "Both engines",
    "gateway": "Envoy and Triton configuration",
    "regal": "Regal",
}
"""Every check, in the order of the report."""
_CAUSES = frozenset({"configuration", "data", "types"})
"""Checks whose findings make other checks fail at the same place."""
_UNTOLD = "see Configuration"


def run_checks(
    directory: Path,
    *,
    opa: Path,
    envoy: Path | None = None,
    regal: Path | None = None,
    coverage: float = FULL,
) -> Report:
    """Run every check of the policies in `directory`, side by side.

    `coverage` is the percentage of lines that the unit tests must reach. Runs processes and
    threads, and blocks until all are done. Raises ConfigurationError when there are no policies,
    StackError when OPA can't be run.
    """
    target = find_target(directory)
    jobs: list[Callable[[], tuple[Check, ...]]] = [
        lambda: _one(lambda: check_configuration(target)),
        lambda: _one(lambda: check_data(target.repository.root)),
    ]
    if found := unreadable(target.repository.root):
        jobs.append(lambda: (Check(types.NAME, types.TITLE, findings=found),))
    else:
        jobs = [*_with_opa(opa, target, coverage, envoy, regal), *jobs]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        done = list(pool.map(lambda job: job(), jobs))
    checks = {check.name: check for several in done for check in several}
    ordered = [checks.get(name) or _skipped(name, f"see {types.TITLE}") for name in _TITLES]
    return Report("Sluice check", tuple(_without_echoes(ordered)))


def _with_opa(
    opa: Path, target: CheckTarget, coverage: float, envoy: Path | None, regal: Path | None
) -> list[Callable[[], tuple[Check, ...]]]:
    """Return the checks that need readable files of rules, the slowest first."""
    repository, root = target.repository, target.repository.root
    return [
        lambda: _decisions(opa, target),
        lambda: _gateway(opa, envoy, target),
        lambda: _one(lambda: check_tests(opa, repository, coverage)),
        lambda: _static(opa, target),
        lambda: _one(lambda: check_format(opa, root)),
        lambda: _one(lambda: check_types(opa, root)),
        lambda: _one(lambda: check_metadata(opa, root)),
        lambda: _one(lambda: check_lint(regal, root)),
    ]


def _skipped(name: str, why: str) -> Check:
    return Check(name, _TITLES[name], skipped=why)


def _one(check: Callable[[], Check]) -> tuple[Check, ...]:
    return (_timed(check),)


def _timed(check: Callable[[], Check]) -> Check:
    begun = time.perf_counter()
    try:
        done = check()
    finally:
        seconds = time.perf_counter() - begun
    return msgspec.structs.replace(done, seconds=seconds)


def _static(opa: Path, target: CheckTarget) -> tuple[Check, ...]:
    """Run the checks of the syntax trees."""
    repository, root = target.repository, target.repository.root
    syntax = read_syntax(opa, root)
    reach = _timed(lambda: check_reach(syntax))
    if target.faults:
        names = _skipped("names", _UNTOLD)
    else:
        cases, faults = read_cases(repository)
        names = _timed(lambda: check_names(repository, syntax, None if faults else cases))
    return reach, names


def _gateway(opa: Path, envoy: Path | None, target: CheckTarget) -> tuple[Check, ...]:
    if target.faults:
        return (_skipped("gateway", _UNTOLD),)
    return _one(lambda: check_gateway(opa, envoy, target.repository))


def _decisions(opa: Path, target: CheckTarget) -> tuple[Check, ...]:
    """Build the policies, and decide the cases with what was built."""
    if target.faults:
        return tuple(_skipped(name, _UNTOLD) for name in ("build", "cases", "parity"))
    repository = target.repository
    begun = time.perf_counter()
    built, check, wasm = build(opa, repository)
    compiled = time.perf_counter()
    check = msgspec.structs.replace(check, seconds=compiled - begun)
    read, faults = read_cases(repository)
    cases = CaseResults(faults=faults)
    if built is not None and not faults:
        cases = run_cases(opa, built, read, wasm=wasm)
    decided, parity = check_cases(repository, cases)
    decided = msgspec.structs.replace(decided, seconds=time.perf_counter() - compiled)
    if built is None and not faults:
        decided = Check(decided.name, decided.title, skipped="the policies can't be built")
    if built is None or not wasm or faults:
        parity = Check(parity.name, parity.title, skipped="only both engines can differ")
    return check, decided, parity


def _without_echoes(checks: list[Check]) -> Iterator[Check]:
    """Yield the checks; one that failed where another tells the cause refers to that."""
    causes = {
        finding.place: check.title
        for check in checks
        if check.name in _CAUSES
        for finding in check.findings
        if finding.file
    }
    for check in checks:
        places = {finding.place for finding in check.findings}
        if check.name not in _CAUSES and places and places <= causes.keys():
            reason = f"see {causes[min(places)]}"
            yield Check(check.name, check.title, seconds=check.seconds, skipped=reason)
        else:
            yield check
