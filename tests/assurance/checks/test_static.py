"""What is seen without running a policy: each fault is one finding, at its file and line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.checks.cases import read_cases
from extauth.assurance.checks.data import check_data
from extauth.assurance.checks.directory import check_configuration, find_target
from extauth.assurance.checks.formatting import check_format
from extauth.assurance.checks.linting import check_lint
from extauth.assurance.checks.metadata import check_metadata
from extauth.assurance.checks.names import check_names
from extauth.assurance.checks.reach import check_reach
from extauth.assurance.checks.syntax import read_syntax
from extauth.assurance.checks.types import check_types
from extauth.assurance.findings import Check, Diagnostic, Severity
from extauth.compiler.repository import Repository
from extauth.errors import ConfigurationError
from tests.assurance.checks.conftest import line_of

if TYPE_CHECKING:
    from tests.assurance.checks.conftest import Edit

pytestmark = pytest.mark.slow

SEEDS = """# METADATA
# title: Seeds
# description: Nobody may fix the seed.
package gateway.seeds

import data.gateway.reason

deny contains reason.forbidden("parameters.seed", "no seeds") if {
	input.parameters.seed
}
"""

SEEDED = """deny contains reason if {
	some reason, _ in data.gateway.seeds.deny
}

deny contains"""


def only(check: Check) -> Diagnostic:
    """The one finding of a check."""
    (finding,) = check.findings
    return finding


def names(repository: Repository, opa: Path) -> Check:
    cases, _ = read_cases(repository)
    return check_names(repository, read_syntax(opa, repository.root), cases)


def reach(root: Path, opa: Path) -> Check:
    return check_reach(read_syntax(opa, root))


def test_data_that_is_no_yaml(edit: Edit, policies: Path) -> None:
    edit("data/hours.yaml", "hours:\n", "hours:\n  - [\n")
    finding = only(check_data(policies))
    assert finding.file == "policies/data/hours.yaml"
    assert finding.line is not None
    assert finding.message.startswith("not YAML")


def test_data_that_is_no_json(policies: Path) -> None:
    (policies / "data" / "more.json").write_text('{"a": 1,\n "b": }\n')
    assert only(check_data(policies)).place == "policies/data/more.json:2"


def test_data_that_cannot_be_read(policies: Path) -> None:
    (policies / "data" / "tiers.yaml").write_bytes(b"tiers: \xff\n")
    assert only(check_data(policies)) == Diagnostic("is not UTF-8", file="policies/data/tiers.yaml")


def test_rego_that_is_not_formatted(edit: Edit, policies: Path, opa: Path) -> None:
    file = edit("gateway/usage/usage.rego", "\tused >= ", "\tused   >= ")
    finding = only(check_format(opa, policies))
    assert finding.place == f"policies/gateway/usage/usage.rego:{line_of(file, 'used   >=')}"
    assert "+\tused >= tier.profile.tokens_per_day" in (finding.detail or "")


def test_rego_that_does_not_parse(edit: Edit, policies: Path, opa: Path) -> None:
    file = edit("gateway/usage/usage.rego", "used := ", "used := := ")
    finding = only(check_types(opa, policies))
    assert finding.place == f"policies/gateway/usage/usage.rego:{line_of(file, ':= :=')}"


def test_a_fact_that_no_input_has(edit: Edit, policies: Path, opa: Path) -> None:
    file = edit("gateway/usage/usage.rego", "input.usage.principal.day", "input.usage.nobody.day")
    finding = only(check_types(opa, policies))
    assert finding.message.startswith("undefined ref: input.usage.nobody")
    assert finding.place == f"policies/gateway/usage/usage.rego:{line_of(file, 'nobody')}"


def test_a_package_says_what_it_is_for(edit: Edit, policies: Path, opa: Path) -> None:
    file = edit("gateway/usage/usage.rego", "# title: Usage\n", "")
    finding = only(check_metadata(opa, policies))
    assert finding.message == "package gateway.usage has no METADATA title"
    assert finding.place == f"policies/gateway/usage/usage.rego:{line_of(file, 'package')}"


def test_a_package_has_a_test(policies: Path, opa: Path) -> None:
    (policies / "gateway" / "usage" / "usage_test.rego").unlink()
    finding = only(check_metadata(opa, policies))
    assert finding.message == "package gateway.usage has no test in gateway/usage/usage_test.rego"


def test_an_entry_point_says_that_it_is_one(edit: Edit, policies: Path, opa: Path) -> None:
    edit("gateway/inference/inference.rego", "# entrypoint: true\n", "")
    finding = only(check_metadata(opa, policies))
    assert "data.gateway.inference.decision" in finding.message
    assert finding.file == "policies/gateway/inference/inference.rego"


def test_every_shipped_rule_is_reached(policies: Path, opa: Path) -> None:
    assert reach(policies, opa).findings == ()


def test_policies_without_a_model_list_of_their_own(policies: Path, opa: Path) -> None:
    shutil.rmtree(policies / "gateway" / "listing")
    assert reach(policies, opa).findings == ()


def test_a_deny_that_nothing_asks_for(policies: Path, opa: Path) -> None:
    file = policies / "gateway" / "seeds" / "seeds.rego"
    file.parent.mkdir()
    file.write_text(SEEDS)
    finding = only(reach(policies, opa))
    assert finding.level is Severity.ERROR
    assert finding.place == f"policies/gateway/seeds/seeds.rego:{line_of(file, 'deny')}"
    assert "gateway.seeds.deny" in finding.message


def test_obligations_that_nothing_asks_for(edit: Edit, policies: Path, opa: Path) -> None:
    edit("gateway/inference/inference.rego", "\tsort(tokens.obligations),\n", "")
    assert [
        one.message for one in reach(policies, opa).findings if one.level is Severity.ERROR
    ] == ["no entry point reaches gateway.tokens.obligations, so it never has a say"]


def test_a_deny_of_which_only_the_keys_are_asked(policies: Path, opa: Path, edit: Edit) -> None:
    file = policies / "gateway" / "seeds" / "seeds.rego"
    file.parent.mkdir()
    file.write_text(SEEDS)
    edit("gateway/usage/usage.rego", "deny contains", SEEDED)
    assert reach(policies, opa).findings == ()


def test_rules_that_do_not_parse_are_not_judged(edit: Edit, policies: Path, opa: Path) -> None:
    file = edit("gateway/usage/usage.rego", "used := ", "used := := ")
    place = f"policies/gateway/usage/usage.rego:{line_of(file, ':= :=')}"
    assert only(reach(policies, opa)).place == place


def test_a_rule_that_nothing_needs_is_a_warning(edit: Edit, policies: Path, opa: Path) -> None:
    edit("gateway/usage/usage.rego", "deny contains", "spare := 1\n\ndeny contains")
    finding = only(reach(policies, opa))
    assert (finding.level, finding.file) == (Severity.WARNING, "policies/gateway/usage/usage.rego")


USAGE = "gateway/usage/usage.rego"


UNDEFINED = {
    "tier bacth": ("data/hours.yaml", "    batch:", "    bacth:"),
    "role officer": ("data/masking.yaml", "[privacy-officer]", "[officer]"),
    "model chatt": ("data/routing.yaml", "  chat:", "  chatt:"),
    "model echoo": ("data/roles.yaml", "models: [chat]", "models: [echoo]"),
    "tier gold": (USAGE, "\tused >=", '\tinput.principal.tier != "gold"\n\tused >='),
    "role chief": (USAGE, "\tused >=", '\tnot "chief" in input.principal.roles\n\tused >='),
    "role boss": (
        USAGE,
        "\tused >=",
        '\tsome one in input.principal.roles\n\tone == "boss"\n\tused >=',
    ),
    "model gone": (USAGE, "\tused >=", '\tinput.model.name in {"chat", "gone"}\n\tused >='),
    "tier silver": (USAGE, "\tused >=", "\tdata.tiers.silver.choices > 1\n\tused >="),
}


def test_a_name_that_is_not_defined(edit: Edit, repository: Repository, opa: Path) -> None:
    files = {told: edit(*change) for told, change in UNDEFINED.items()}
    wrong = [one for one in names(repository, opa).findings if one.level is Severity.ERROR]
    assert {one.message.partition(";")[0]: one.place for one in wrong} == {
        f"there is no {told}": f"policies/{change[0]}:{line_of(files[told], told.split()[1])}"
        for told, change in UNDEFINED.items()
    }
    assert len(wrong) == len(UNDEFINED)


def test_a_name_that_nothing_uses(edit: Edit, repository: Repository, opa: Path) -> None:
    file = edit("data/roles.yaml", "  viewer:", "  auditor:\n    models: []\n\n  viewer:")
    finding = only(names(repository, opa))
    assert finding.level is Severity.WARNING
    assert finding.message.startswith("nothing uses the role auditor")
    assert finding.place == f"policies/data/roles.yaml:{line_of(file, 'auditor')}"


def test_the_names_of_demo_keys(edit: Edit, policies: Path, opa: Path) -> None:
    root = Path(__file__).parents[3]
    config = policies.parent / "gateway.yaml"
    config.write_text(
        (root / "gateway.yaml").read_text().replace("roles: [viewer]", "roles: [vewer]")
    )
    (policies.parent / "triton").symlink_to(root / "triton")
    finding = only(names(Repository.find(policies.parent), opa))
    assert finding.place == f"gateway.yaml:{line_of(config, 'vewer')}"


def test_a_configuration_with_several_faults(policies: Path) -> None:
    root = Path(__file__).parents[3]
    text = (root / "gateway.yaml").read_text()
    text = text.replace("version: 1", "version: 7", 1).replace("port: 8080", "port: many")
    (policies.parent / "gateway.yaml").write_text(text)
    target = find_target(policies.parent)
    assert target.repository.root == policies.parent / "policies"
    assert [one.place for one in check_configuration(target).findings] == [
        f"gateway.yaml:{number}"
        for number, line in enumerate(text.splitlines(), 1)
        if "version: 7" in line or "port: many" in line
    ]


def test_a_catalog_that_is_missing(policies: Path) -> None:
    (policies / "catalog.yaml").unlink()
    assert only(check_configuration(find_target(policies))).file == "policies/catalog.yaml"


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_no_policies_at_all(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        find_target(tmp_path / name)


REGAL = """#!/bin/sh
echo '{"violations": [{"title": "line-length", "description": "Line too long", "category":
"style", "level": "error", "location": {"file": "gateway/usage/usage.rego", "row": 3}}]}'
exit 3
"""


def test_regal(policies: Path, tmp_path: Path) -> None:
    regal = tmp_path / "regal"
    regal.write_text(REGAL)
    regal.chmod(0o755)
    assert only(check_lint(regal, policies)) == Diagnostic(
        "Line too long (style/line-length)", file="policies/gateway/usage/usage.rego", line=3
    )
    assert check_lint(None, policies).skipped == "regal is not on PATH"
