"""Decision cases on both engines, and what keeps policies from deciding at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.checks.building import build, check_gateway
from extauth.assurance.checks.cases import CaseResults, check_cases, read_cases, run_cases
from extauth.compiler.repository import Repository
from tests.assurance.checks.conftest import line_of
from tests.policy.conftest import ROOT

if TYPE_CHECKING:
    from extauth.assurance.findings import Check
    from extauth.policy.cases import Case
    from tests.assurance.checks.conftest import Edit

pytestmark = pytest.mark.slow

CASE = """  - name: Ada chats
    from: [ada, chats]
    expect: %s
"""

LOOP = """
	count([1 |
		some i in numbers.range(1, 3000)
		some j in numbers.range(1, 3000)
		i + j < 0
	]) == 0
"""


def compiled(opa: Path, repository: Repository) -> Mapping[str, bytes]:
    done, check, wasm = build(opa, repository)
    assert check.findings == ()
    assert wasm
    assert done is not None
    return done


def only_cases(repository: Repository, *expected: str) -> tuple[Case, ...]:
    """Leave these cases in the repository."""
    cases = repository.root / "cases"
    for file in cases.glob("*.yaml"):
        if file.name != "fixtures.yaml":
            file.unlink()
    (cases / "mine.yaml").write_text("cases:\n" + "".join(CASE % one for one in expected))
    return read_cases(repository)[0]


def test_the_shipped_cases_are_decided_alike(
    opa: Path, repository: Repository, built: Mapping[str, bytes]
) -> None:
    read, faults = read_cases(repository)
    assert faults == ()
    cases = run_cases(opa, built, read)
    assert cases.green
    assert cases.asked > 50


DIFFERENT = {
    "{ allow: false, rules: [rbac.api] }": [
        *("- allow: false", "+ allow: true", "  rules:", "-   rbac.api"),
    ],
    "{ allow: true, route: { model: chat, version: '2' } }": [
        *("  route:", '-   version: "2"', '+   version: "1"'),
    ],
    "{ allow: true, obligations: [{ type: limit, name: principal-requests, max: 7 }] }": [
        '  obligation {"type":"limit","name":"principal-requests"}:',
        *("-   max: 7", "+   max: 600"),
    ],
    "{ allow: true, obligations: [{ type: clamp, max_tokens: 7 }] }": [
        '- obligation {"type":"clamp","max_tokens":7}',
    ],
}


def test_a_failed_case_shows_only_what_differs(
    opa: Path, repository: Repository, built: Mapping[str, bytes]
) -> None:
    cases = run_cases(opa, built, only_cases(repository, *DIFFERENT))
    check, parity = check_cases(repository, cases)
    assert parity.findings == ()
    assert [one.place for one in check.findings] == [
        f"policies/cases/mine.yaml:{line}" for line in (2, 5, 8, 11)
    ]
    assert all(one.message.startswith("Ada chats: ") for one in check.findings)
    assert [one.detail for one in check.findings] == [
        "\n".join(["--- expected", "+++ decided", *diff]) for diff in DIFFERENT.values()
    ]


def test_a_case_with_a_typo(repository: Repository) -> None:
    only_cases(repository, "{ alow: true }")
    cases, faults = read_cases(repository)
    assert cases == ()
    (fault,) = faults
    assert fault.file == "policies/cases/mine.yaml"
    assert fault.line == 4
    assert "alow" in fault.message


def test_no_cases_are_a_finding(repository: Repository) -> None:
    check, _ = check_cases(repository, CaseResults())
    (finding,) = check.findings
    assert (finding.file, finding.message) == ("policies/cases", "there are no decision cases")


def test_a_policy_that_runs_for_long_is_told_with_its_package(
    opa: Path, repository: Repository, edit: Edit
) -> None:
    edit("gateway/usage/usage.rego", "\tused >= ", LOOP.strip("\n") + "\n\tused >= ")
    read = only_cases(repository, "{ allow: true }")
    cases = run_cases(opa, compiled(opa, repository), read, seconds=0.2)
    assert cases.late is not None
    assert cases.late.place == "policies/cases/mine.yaml:2"
    assert "in package gateway.usage:" in cases.late.message
    assert not cases.green


def test_engines_that_decide_differently(
    opa: Path, repository: Repository, built: Mapping[str, bytes]
) -> None:
    """They never should: so each gets policies of its own."""
    limits = repository.root / "data" / "limits.yaml"
    limits.write_text(limits.read_text().replace("max: 600 }", "max: 601 }"))
    other = repository.build(opa)["policy/bundle.tar.gz"]
    read = only_cases(repository, "{ allow: true }")
    cases = run_cases(opa, {**built, "policy/bundle.tar.gz": other}, read)
    check, parity = check_cases(repository, cases)
    assert check.findings == ()
    (finding,) = parity.findings
    assert finding.place == "policies/cases/mine.yaml:2"
    assert "--- wasm\n+++ opa\n" in (finding.detail or "")
    assert '"max":601' in (finding.detail or "")


def broken(opa: Path, repository: Repository) -> Check:
    done, check, _ = build(opa, repository)
    del done
    return check


def test_a_name_that_rego_does_not_know(opa: Path, repository: Repository, edit: Edit) -> None:
    file = edit("gateway/usage/usage.rego", "used >= tier.", "used >= teir.")
    (finding,) = broken(opa, repository).findings
    assert finding.place == f"policies/gateway/usage/usage.rego:{line_of(file, 'teir')}"


def test_builtins_that_wasm_lacks(opa: Path, repository: Repository, edit: Edit) -> None:
    edit("gateway/usage/usage.rego", "\tused >= ", '\ttime.weekday(0) != ""\n\tused >= ')
    (finding,) = broken(opa, repository).findings
    assert "time.weekday" in finding.message


@pytest.mark.parametrize("engine", ["wasm", "opa"])
def test_builtins_that_no_policy_may_call(
    opa: Path, policies: Path, edit: Edit, engine: str
) -> None:
    file = edit("gateway/usage/usage.rego", "\tused >= ", "\ttime.now_ns() > 0\n\tused >= ")
    (finding,) = broken(opa, configured(policies, engine)).findings
    assert finding.place == f"policies/gateway/usage/usage.rego:{line_of(file, 'now_ns')}"
    assert finding.message.startswith("time.now_ns can't be called here")


def configured(policies: Path, engine: str = "wasm") -> Repository:
    """The repository with the shipped configuration beside it."""
    text = (ROOT / "gateway.yaml").read_text()
    assert "engine: wasm" in text
    (policies.parent / "gateway.yaml").write_text(text.replace("engine: wasm", f"engine: {engine}"))
    (policies.parent / "triton").symlink_to(ROOT / "triton")
    return Repository.find(policies)


def test_a_gateway_of_the_opa_server_may_use_what_wasm_lacks(
    opa: Path, policies: Path, edit: Edit
) -> None:
    edit("gateway/usage/usage.rego", "\tused >= ", '\ttime.weekday(0) != ""\n\tused >= ')
    repository = configured(policies, "opa")
    done, check, wasm = build(opa, repository)
    assert not wasm
    assert "time.weekday" in (check.skipped or "")
    read, _ = read_cases(repository)
    assert done is not None
    assert run_cases(opa, done, read[:3], wasm=wasm).green


def test_a_gateway_s_configuration(opa: Path, policies: Path) -> None:
    repository = configured(policies)
    assert repository.config is not None
    check = check_gateway(opa, None, repository)
    assert not check.failed
    assert "Envoy" in check.findings[0].message
    refusing = policies.parent / "envoy"
    refusing.write_text("#!/bin/sh\necho 'no such filter' >&2\nexit 1\n")
    refusing.chmod(0o755)
    (finding,) = check_gateway(opa, refusing, repository).findings
    assert finding.message == "Envoy refuses the configuration: no such filter"


def test_policies_alone_have_no_gateway_to_check(opa: Path, repository: Repository) -> None:
    assert check_gateway(opa, None, repository).skipped == "there is no gateway.yaml"
