"""Whole runs: what is broken is told once, and the rest is checked all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.checks import run_checks
from extauth.assurance.checks.suite import run_suite
from extauth.errors import ConfigurationError
from tests.assurance.checks.conftest import few_tests, line_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.assurance.findings import Check, Report
    from tests.assurance.checks.conftest import Edit

pytestmark = pytest.mark.slow


def checks(report: Report) -> dict[str, Check]:
    return {check.name: check for check in report.checks}


def test_one_fault_is_one_finding(policies: Path, opa: Path, edit: Edit) -> None:
    rule = edit("gateway/usage/usage.rego", "used := ", "used := := ")
    case = edit("cases/usage.yaml", "expect:", "expext:")
    done = checks(run_checks(policies, opa=opa))
    assert {name: len(one.findings) for name, one in done.items() if one.findings} == {
        "types": 1,
        "cases": 1,
    }
    assert done["types"].findings[0].place == (
        f"policies/gateway/usage/usage.rego:{line_of(rule, ':= :=')}"
    )
    assert done["cases"].findings[0].file == "policies/cases/usage.yaml"
    assert done["cases"].findings[0].line == line_of(case, "expext")
    assert done["tests"].skipped == "see Syntax and types"
    assert done["data"].skipped is None


def test_a_catalog_that_cannot_be_read_leaves_the_rules_checked(policies: Path, opa: Path) -> None:
    (policies / "catalog.yaml").write_text("models: [")
    few_tests(policies)
    done = checks(run_checks(policies, opa=opa, coverage=0))
    assert done["configuration"].findings[0].place == "policies/catalog.yaml:1"
    assert {name for name, one in done.items() if one.skipped == "see Configuration"} == {
        "names",
        "build",
        "cases",
        "parity",
        "gateway",
    }
    assert done["tests"].skipped is None
    assert not done["tests"].failed


@pytest.mark.parametrize("run", [run_checks, run_suite])
def test_what_no_command_can_read_to_an_end_is_told_at_once(
    policies: Path, opa: Path, run: Callable[..., Report]
) -> None:
    os.mkfifo(policies / "data" / "more.yaml")
    with pytest.raises(ConfigurationError, match=r"data/more\.yaml: is not a regular file"):
        run(policies, opa=opa)


def test_rules_that_cannot_be_read(policies: Path, opa: Path) -> None:
    (policies / "gateway" / "usage" / "latin.rego").write_bytes(b"package x\n\n# caf\xe9\n")
    (policies / "gateway" / "usage" / "gone.rego").symlink_to("nowhere")
    report = run_checks(policies, opa=opa)
    assert [one.place for one in checks(report)["types"].findings] == [
        "policies/gateway/usage/gone.rego",
        "policies/gateway/usage/latin.rego:3",
    ]


def test_the_lines_that_tests_reach(policies: Path, opa: Path, edit: Edit) -> None:
    rule = edit(
        "gateway/tier/tier.rego", "deny contains", "spare := 1 if {\n\tinput.x\n}\n\ndeny contains"
    )
    few_tests(policies, "tier")
    report = run_suite(policies, opa=opa)
    assert not report.failed
    (line,) = [line for line in report.summary.splitlines() if "/tier.rego" in line]
    first = line_of(rule, "spare")
    assert line.endswith(f"{first}-{first + 1}")
    assert run_suite(policies, opa=opa, coverage=100).failed


def test_some_tests_and_cases(policies: Path, opa: Path) -> None:
    report = run_suite(policies, opa=opa, only="A developer chats")
    assert not report.failed
    assert report.summary == "no unit tests ran\n1 of 1 decision cases pass"


def test_what_filters_warnings_is_imported_before_the_threads() -> None:
    # A filter that a thread sets is lost when another one leaves `catch_warnings`.
    asked = "import sys, extauth.assurance.checks.run; print('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
