"""The policies themselves: formatted, type-checked against the schemas, each with its tests."""

from __future__ import annotations

from pathlib import Path

import yaml

from extauth.policy import Entrypoint
from tests.policy.conftest import POLICIES, ROOT, opa

RULES, DATA, SCHEMAS = POLICIES / "gateway", POLICIES / "data", ROOT / "schemas"


def test_they_are_formatted() -> None:
    assert opa("fmt", "--list", str(RULES)) == ""


def test_their_types_fit_the_schemas() -> None:
    opa("check", "--strict", "--schema", str(SCHEMAS), str(RULES), str(DATA))


def test_directories_mirror_packages() -> None:
    for file in RULES.rglob("*.rego"):
        package = next(
            line for line in file.read_text().splitlines() if line.startswith("package ")
        ).removeprefix("package ")
        name = package.removesuffix("_test")
        assert file.parent == POLICIES.joinpath(*name.split(".")), file
        assert file.name == f"{package.rsplit('.')[-1]}.rego", file


def test_every_rule_has_its_test_beside_it() -> None:
    rules = {file for file in RULES.rglob("*.rego") if not file.stem.endswith("_test")}
    assert [file for file in rules if not beside(file).exists()] == []


def beside(file: Path) -> Path:
    return file.with_name(f"{file.stem}_test.rego")


def test_every_entry_point_says_so() -> None:
    for entrypoint in Entrypoint:
        *package, _ = entrypoint.split("/")
        text = POLICIES.joinpath(*package, f"{package[-1]}.rego").read_text()
        assert "# entrypoint: true" in text
        assert 'input: schema["input.schema"]' in text


def test_every_tier_has_limits() -> None:
    tiers = yaml.safe_load((DATA / "tiers.yaml").read_text())["tiers"]
    limits = yaml.safe_load((DATA / "limits.yaml").read_text())["limits"]["tiers"]
    assert set(limits) == set(tiers)
