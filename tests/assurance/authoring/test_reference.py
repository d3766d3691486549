"""docs/policy-reference.md, in step with the schemas and the policies."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from extauth.assurance.authoring.fields import fields, value
from extauth.assurance.authoring.reference import reference
from extauth.assurance.authoring.rules import packages
from extauth.content.privacy.finding import KINDS
from extauth.errors import ConfigurationError, StackError
from extauth.stack.engines.opa import find_opa
from extauth.storage.resources import policies, schema

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
INPUT = json.loads(schema("input").read_text())


def test_it_is_up_to_date() -> None:
    """Write it anew with `make generate` after a change."""
    written = (ROOT / "docs/policy-reference.md").read_text()
    assert written == reference(find_opa().path)


def test_every_rule_and_package_is_described() -> None:
    for package in packages(policies(), find_opa().path):
        assert package.title, package.name
        assert package.description, package.name
        for rule in package.rules:
            assert rule.description, f"{package.name}: {rule.name}"


def test_every_rule_that_the_cases_know_is_listed() -> None:
    listed = {
        rule.name for package in packages(policies(), find_opa().path) for rule in package.rules
    }
    told = {
        name
        for file in (ROOT / "policies/cases").glob("*.yaml")
        for names in re.findall(r"rules: \[(.*?)\]", file.read_text())
        for name in names.split(", ")
    }
    assert told <= listed


def test_statuses_are_those_of_the_constructors() -> None:
    told = {
        (rule.name, rule.status, rule.hidden)
        for package in packages(policies(), find_opa().path)
        for rule in package.rules
    }
    assert {
        ("usage.day", 429, False),
        ("model.unknown", 404, False),
        ("model.version", 403, False),
        ("model.version", 404, False),
        ("region.mismatch", 404, True),
        ("policy.undecided", 403, False),
    } <= told


def test_rules_are_early_that_admission_asks() -> None:
    early = {
        rule.name: rule.early
        for package in packages(policies(), find_opa().path)
        for rule in package.rules
    }
    assert early["hours.closed"]
    assert not early["tokens.prompt"]


def test_a_new_rule_is_found_by_its_name_and_description(tmp_path: Path) -> None:
    shutil.copytree(policies() / "gateway", tmp_path / "gateway")
    (tmp_path / "gateway/extra").mkdir()
    (tmp_path / "gateway/extra/extra.rego").write_text(
        "# METADATA\n# title: Extra\n# description: More.\npackage gateway.extra\n\n"
        "import data.gateway.reason\n\n"
        "# METADATA\n# description: Never.\n"
        'deny contains reason.exhausted("extra.rule", "no") if false\n'
    )
    (extra,) = (
        each for each in packages(tmp_path, find_opa().path) if each.name == "gateway.extra"
    )
    ((rule),) = extra.rules
    assert (extra.title, extra.file) == ("Extra", "gateway/extra/extra.rego")
    assert (rule.name, rule.status, rule.description, rule.early) == (
        "extra.rule",
        429,
        "Never.",
        False,
    )


def test_rego_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway/broken.rego").write_text("package gateway.broken\n\nallow if {\n")
    with pytest.raises(ConfigurationError, match=r"broken\.rego:4: "):
        packages(tmp_path, find_opa().path)


def test_without_an_opa(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't be run"):
        reference(tmp_path / "opa")


def test_every_field_of_the_input_is_there() -> None:
    paths = {field.path for field in fields(INPUT)}
    assert {"usage.tenant.day.tokens", "principal.attributes", "time.weekday"} <= paths
    assert len(paths) == len(list(fields(INPUT)))


def test_what_admission_sees() -> None:
    seen = {field.path: field.admission for field in fields(INPUT) if field.admission}
    assert seen == {
        "model": "null unless the path names one",
        "parameters": "null",
        "tokens": "null",
        "sensitive": "null",
        "usage": "null",
        "load": "null",
        "behaviour": "null",
        "guard": "null",
        "parts": "null",
    }


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": ["string", "null"]}, "text or null"),
        ({"type": "integer", "minimum": 0, "maximum": 23}, "integer, 0 to 23"),
        ({"type": "integer", "minimum": 1}, "integer, 1 or more"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of integer"),
        ({"enum": ["a", "b"]}, "`a`, `b`"),
        ({"const": "limit"}, '`"limit"`'),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "`true` or `false` or null"),
    ],
)
def test_values_in_words(part: dict[str, object], words: str) -> None:
    assert value({}, part) == words


def test_every_kind_of_sensitive_data_is_named() -> None:
    assert f"Kinds: {', '.join(KINDS)}, and" in INPUT["properties"]["sensitive"]["description"]
