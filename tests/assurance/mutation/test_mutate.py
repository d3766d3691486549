"""What is told of the tests: the score, the survivors, the equivalents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from extauth.assurance.findings import Severity
from extauth.assurance.mutation import mutate
from extauth.cli import app
from extauth.compiler.repository import Repository
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.assurance.findings import Report

    Write = Callable[[dict[str, str]], None]
    Run = Callable[[], Report]

pytestmark = pytest.mark.slow

LIMIT = """package gateway.limit

deny if input.tokens > 10
"""
WEAK = """package gateway.limit_test

import data.gateway.limit

test_much if limit.deny with input as {"tokens": 99}

test_little if not limit.deny with input as {"tokens": 1}
"""
STRONG = """package gateway.limit_test

import data.gateway.limit

test_over if limit.deny with input as {"tokens": 11}

test_at if not limit.deny with input as {"tokens": 10}
"""
RULES, TESTS = "gateway/limit/limit.rego", "gateway/limit/limit_test.rego"
BOUNDARY = """--- a/gateway/limit/limit.rego
+++ b/gateway/limit/limit.rego
@@ -1,3 +1,3 @@
 package gateway.limit
{blank}
-deny if input.tokens > 10
+deny if input.tokens >= 10""".replace("{blank}", " ")
EQUIVALENT = """threshold: {threshold}
equivalent:
  - file: gateway/limit/limit.rego
    line: deny if input.tokens > 10
    becomes: deny if input.tokens {operator} 10
    reason: Nobody asks for exactly ten.
"""


def findings(report: Report, check: str) -> list[tuple[Severity, str | None, int | None, str]]:
    return [
        (one.level, one.file, one.line, one.message)
        for checked in report.checks
        if checked.name == check
        for one in checked.findings
    ]


def test_strong_tests_notice_everything(write: Write, run: Run) -> None:
    write({RULES: LIMIT, TESTS: STRONG})
    report = run()
    assert not report.failed
    assert report.summary == (
        "Score 100 %: 5 of 5 mutants killed, 0 survived. "
        "Beside these 0 are equivalent and 0 do not compile."
    )


def test_weak_tests_leave_survivors_with_their_diffs(write: Write, run: Run) -> None:
    write({RULES: LIMIT, TESTS: WEAK})
    report = run()
    assert report.failed
    survivor = "no test notices this change (comparison)"
    found = findings(report, "mutation")
    assert found[0] == (
        Severity.ERROR,
        None,
        None,
        "the tests notice 40 % of the changes, expected 95 %",
    )
    assert (Severity.WARNING, RULES, 3, survivor) in found
    details = [one.detail for one in report.checks[0].findings]
    assert BOUNDARY in details


def test_a_threshold_of_its_own(write: Write, run: Run) -> None:
    write({RULES: LIMIT, TESTS: WEAK, "mutants.yaml": "threshold: 40\n"})
    report = run()
    assert not report.failed
    assert len(findings(report, "mutation")) == 3


def test_tests_far_away_notice_too(write: Write, run: Run) -> None:
    """A rule without tests of its own, read through another one."""
    reader = "package gateway.reader\n\nimport data.gateway.limit\n\nrefused if limit.deny\n"
    tests = STRONG.replace("limit", "reader").replace("reader.deny", "reader.refused")
    write({RULES: LIMIT, "gateway/reader/reader.rego": reader, "gateway/far/far_test.rego": tests})
    assert run().summary.startswith("Score 100 %: 7 of 7 mutants killed")


def test_names_known_only_at_evaluation(write: Write, run: Run) -> None:
    """The mutants can't stand beside one another then, and are tested one by one."""
    tests = """package gateway.all_test

denied if {
	some name in ["limit"]
	data.gateway[name].deny
}

test_over if denied with input as {"tokens": 11}

test_at if not denied with input as {"tokens": 10}
"""
    write({RULES: LIMIT, "tests/unused.txt": "", "gateway/all/all_test.rego": tests})
    assert run().summary.startswith("Score 100 %: 5 of 5 mutants killed")


def test_what_does_not_compile_is_counted_apart(write: Write, run: Run) -> None:
    rules = "package gateway.limit\n\ndeny if {\n\tsome x in input.list\n\tx > 10\n}\n"
    tests = """package gateway.limit_test

import data.gateway.limit

test_over if limit.deny with input as {"list": [11]}

test_at if not limit.deny with input as {"list": [10]}
"""
    write({RULES: rules, TESTS: tests})
    assert run().summary == (
        "Score 100 %: 5 of 5 mutants killed, 0 survived. "
        "Beside these 0 are equivalent and 1 do not compile."
    )


def test_tests_notice_what_does_not_compile_with_them(write: Write, run: Run) -> None:
    """A key that is another one is a type error where a test compares the whole object."""
    rules = f'{LIMIT}\nreason := {{"rule": "limit", "status": 429}}\n'
    tests = f'{WEAK}\ntest_reason if limit.reason == {{"rule": "limit", "status": 429}}\n'
    write({RULES: rules, TESTS: tests})
    assert run().summary.startswith("Score 70 %: 7 of 10 mutants killed, 3 survived.")


def test_data_is_there(write: Write, run: Run) -> None:
    rules = LIMIT.replace("> 10", "> data.limits.tokens")
    write({RULES: rules, TESTS: STRONG, "data/limits.yaml": "limits:\n  tokens: 10\n"})
    assert run().summary.startswith("Score 100 %: 3 of 3 mutants killed")


def test_a_mutant_that_loops_is_killed(write: Write, run: Run) -> None:
    rules = """package gateway.limit

numbers := numbers.range(1, 400 / 200)

deny if {
	some a in numbers
	some b in numbers
	some c in numbers
	a + b + c == input.tokens
}
"""
    tests = """package gateway.limit_test

import data.gateway.limit

test_three if limit.deny with input as {"tokens": 3}

test_six if limit.deny with input as {"tokens": 6}

test_none if not limit.deny with input as {"tokens": -1}
"""
    rules = rules.replace("numbers :=", "few :=").replace("in numbers", "in few")
    write({RULES: rules, TESTS: tests, "mutants.yaml": "threshold: 0\n"})
    report = run()
    survivors = [one.detail or "" for one in report.checks[0].findings]
    assert not [diff for diff in survivors if "400 * 200" in diff]


def test_equivalent_mutants_do_not_count(write: Write, run: Run) -> None:
    listed = EQUIVALENT.format(threshold=50, operator=">=")
    write({RULES: LIMIT, TESTS: WEAK, "mutants.yaml": listed})
    report = run()
    assert not report.failed
    assert report.summary == (
        "Score 50 %: 2 of 4 mutants killed, 2 survived. "
        "Beside these 1 are equivalent and 0 do not compile."
    )


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        ("==", "no change is this one any more; remove the entry"),
        ("<=", "a test notices this change, so it is not equivalent"),
    ],
)
def test_an_entry_without_its_survivor_is_an_error(
    write: Write, run: Run, operator: str, message: str
) -> None:
    listed = EQUIVALENT.format(threshold=0, operator=operator)
    write({RULES: LIMIT, TESTS: WEAK, "mutants.yaml": listed})
    report = run()
    assert report.failed
    assert findings(report, "equivalents") == [(Severity.ERROR, "mutants.yaml", 3, message)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("threshold: 101\n", 1),
        ("threshold: high\n", 1),
        ("equivalent:\n  - file: a.rego\n    line: a\n    becomes: b\n    reason: ''\n", 5),
        ("equivalent:\n  - file: a.rego\n", 2),
        ("thresold: 90\n", 1),
    ],
)
def test_a_list_that_is_none(write: Write, run: Run, text: str, line: int) -> None:
    write({RULES: LIMIT, TESTS: STRONG, "mutants.yaml": text})
    with pytest.raises(ConfigurationError) as raised:
        run()
    assert raised.value.line == line


def test_tests_that_fail_before_anything_is_changed(write: Write, run: Run) -> None:
    write({RULES: LIMIT.replace("> 10", "> 20"), TESTS: STRONG})
    report = run()
    assert report.failed
    (check,) = report.checks
    (finding,) = check.findings
    assert finding.message == (
        "the tests fail before anything is changed; make `sluice test` pass first"
    )
    assert finding.detail == "data.gateway.limit_test.test_over"


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        ("package gateway.limit\n\ndeny if {\n", 4),
        ("package gateway.limit\n\ndeny if x > 10\n", 3),
        ("package gateway.limit\n\nimport data.other\n\ndeny if input.tokens > 10\n", 3),
    ],
    ids=["unparsable", "unsafe", "unused import"],
)
def test_rego_that_is_none(write: Write, run: Run, rules: str, line: int) -> None:
    write({RULES: rules, TESTS: STRONG})
    with pytest.raises(ConfigurationError) as raised:
        run()
    assert str(raised.value.file).endswith(RULES)
    assert raised.value.line == line
    assert "\n" not in raised.value.message


def test_rules_that_nothing_reads_are_survivors(write: Write, run: Run) -> None:
    write({RULES: LIMIT})
    assert run().summary.startswith("Score 0 %: 0 of 5 mutants killed, 5 survived.")


def test_cases_notice_what_no_unit_test_does(write: Write, run: Run) -> None:
    decision = """package gateway.{stage}

default decision := {{"allow": false, "reasons": [{{"rule": "none", "message": "no"}}]}}

decision := {{"allow": true}} if input.time.hour < 18
"""
    case = """cases:
  - name: {name}
    entrypoint: admission
    given:
      request: {{ api: openai, operation: models.list }}
      principal: {{ id: a/b, kind: api_key, tenant: a, tier: t, roles: [], region: null }}
      source: {{ ip: 192.0.2.1 }}
      time: {{ date: "2026-03-04", weekday: wednesday, hour: {hour}, minute: 0 }}
    expect: {expect}
"""
    no = "{ allow: false, rules: [none], message: no one }"
    write(
        {
            "gateway/admission/admission.rego": decision.format(stage="admission").replace(
                '"no"', '"no one"'
            ),
            "cases/fixtures.yaml": "fixtures: {}\n",
            "cases/early.yaml": case.format(name="early", hour=17, expect="{ allow: true }"),
            "cases/late.yaml": case.format(name="late", hour=18, expect=no),
        }
    )
    report = run()
    assert report.summary.startswith("Score 100 %")
    assert not report.failed


def test_progress_reaches_its_end(write: Write, tmp_path: Path, opa: Path) -> None:
    write({RULES: LIMIT, TESTS: WEAK})
    told: list[tuple[int, int]] = []
    mutate(Repository(tmp_path, {}), opa, lambda done, total: told.append((done, total)))
    assert told[-1] == (5, 5)
    assert told == sorted(told)


def test_the_command(write: Write) -> None:
    write({RULES: LIMIT, TESTS: WEAK, "catalog.yaml": "models: {}\n"})
    result = CliRunner().invoke(app, ["test", "--mutate", "--format", "json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["failed"]
    assert report["checks"][0]["findings"][1]["file"] == RULES
