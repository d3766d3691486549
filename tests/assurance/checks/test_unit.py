"""Unit tests of policies: which failed and where, what they printed, what they reach."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.checks.suite import ranges
from extauth.assurance.checks.unit import check_tests, findings, run_unit_tests
from tests.assurance.checks.conftest import few_tests, line_of

if TYPE_CHECKING:
    from extauth.compiler.repository import Repository
    from tests.assurance.checks.conftest import Edit

pytestmark = pytest.mark.slow

FILE, USAGE = "gateway/usage/usage.rego", "gateway.usage_test"

SPARE = """spare := 1 if {
	input.x
}

deny contains"""

MORE = """package gateway.usage_test

test_what_it_says if {
	print("the answer is", 42)
	told := {1, 2}
	count(told) == 3
}
"""

LOOP = """package gateway.usage_test

test_forever if {
	count([1 |
		some i in numbers.range(1, 5000)
		some j in numbers.range(1, 5000)
		i + j < 0
	]) > 0
}
"""


def test_the_shipped_ones_pass_and_reach_every_line(opa: Path, repository: Repository) -> None:
    tests = run_unit_tests(opa, repository, coverage=True)
    assert tests.green
    assert tests.passed > 100
    assert tests.percent == 100
    assert {one.percent for one in tests.coverage} == {100}


def test_a_failed_test_tells_its_place_and_what_it_printed(
    opa: Path, repository: Repository
) -> None:
    (repository.root / "gateway" / "usage" / "more_test.rego").write_text(MORE)
    tests = run_unit_tests(opa, repository, only=USAGE, coverage=True)
    (finding,) = findings(tests, 100)
    assert finding.place == "policies/gateway/usage/more_test.rego:3"
    assert finding.message == "gateway.usage_test.test_what_it_says: failed"
    assert finding.detail == "the answer is 42"
    assert tests.coverage == ()


def test_a_failed_test_tells_the_values_at_which_it_failed(
    opa: Path, repository: Repository
) -> None:
    (repository.root / "gateway" / "usage" / "more_test.rego").write_text(MORE)
    few_tests(repository.root, "usage")
    (finding,) = check_tests(opa, repository, 100).findings
    printed, place, expression, *values = (finding.detail or "").splitlines()
    assert printed == "the answer is 42"
    assert place == "gateway/usage/more_test.rego:6:"
    assert expression.strip() == "count(told) == 3"
    assert [value.split()[-1] for value in values][-1] == "2"
    assert any("{1, 2}" in value for value in values)


def test_some_of_them(opa: Path, repository: Repository) -> None:
    (repository.root / "gateway" / "usage" / "more_test.rego").write_text(MORE)
    tests = run_unit_tests(opa, repository, only="below_the_daily")
    assert (tests.passed, tests.failed) == (1, ())
    assert run_unit_tests(opa, repository, only="no such test").passed == 0


def test_lines_that_no_test_reaches(opa: Path, repository: Repository, edit: Edit) -> None:
    few_tests(repository.root, "usage")
    file = edit(FILE, "deny contains", SPARE)
    first = line_of(file, "spare")
    check = check_tests(opa, repository, 100)
    assert "expected 100 %" in check.findings[0].message
    assert [one.place for one in check.findings[1:] if one.file == f"policies/{FILE}"] == [
        f"policies/{FILE}:{line}" for line in (first, first + 1)
    ]
    assert check_tests(opa, repository, 1).findings == ()


def test_a_test_that_runs_for_long_is_ended_and_named(opa: Path, repository: Repository) -> None:
    (repository.root / "gateway" / "usage" / "more_test.rego").write_text(LOOP)
    tests = run_unit_tests(opa, repository, only=USAGE, test_seconds=1)
    (finding,) = findings(tests)
    assert finding.place == "policies/gateway/usage/more_test.rego:3"
    assert finding.message.endswith("took too long in package gateway.usage_test")
    assert tests.passed > 0


def test_rego_that_does_not_parse(opa: Path, repository: Repository) -> None:
    (repository.root / "gateway" / "usage" / "more_test.rego").write_text("package x\n\np if {{\n")
    tests = run_unit_tests(opa, repository)
    (finding,) = findings(tests)
    assert finding.file == "policies/gateway/usage/more_test.rego"
    assert not tests.green


def test_line_numbers_as_people_write_them() -> None:
    assert ranges(()) == ""
    assert ranges((3, 4, 5, 9, 11, 12)) == "3-5, 9, 11-12"
