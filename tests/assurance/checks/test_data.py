"""Data and the schemas beside it: what ships fits, and what does not fit is told with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from extauth.assurance.checks.data import check_data, data_files
from extauth.content.privacy import KINDS
from extauth.facts.counters import Fact
from extauth.storage.resources import schema
from extauth.types import Unit
from tests.assurance.checks.conftest import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.assurance.findings import Diagnostic
    from tests.assurance.checks.conftest import Edit

pytestmark = pytest.mark.slow


def only(policies: Path) -> Diagnostic:
    (finding,) = check_data(policies).findings
    return finding


def shipped(policies: Path, stem: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(
        (policies / "schemas" / f"{stem}.schema.json").read_text("utf-8")
    )
    return value


def parts(value: object) -> Iterator[dict[str, Any]]:
    """Every map within a schema."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def choices(policies: Path, stem: str) -> list[set[str]]:
    return [set(part["enum"]) for part in parts(shipped(policies, stem)) if "enum" in part]


def test_everything_that_ships_has_a_schema_and_fits_it(policies: Path) -> None:
    described = {file.name.partition(".")[0] for file in (policies / "schemas").iterdir()}
    assert {file.stem for file in data_files(policies)} <= described
    assert check_data(policies).findings == ()


def test_every_table_is_closed_or_open_by_name_and_described(policies: Path) -> None:
    for file in (policies / "schemas").iterdir():
        for part in parts(json.loads(file.read_text("utf-8"))):
            if part.get("type") != "object" or part == {"type": "object"}:
                continue
            assert part["description"], (file, part)
            if part["additionalProperties"] is False:
                assert set(part.get("required", ())) <= set(part["properties"]), (file, part)
            else:
                assert isinstance(part["additionalProperties"], dict), (file, part)


def test_they_name_what_the_input_and_the_ledger_know(policies: Path) -> None:
    facts = json.loads(schema("input").read_text("utf-8"))["properties"]
    operations = set(facts["request"]["properties"]["operation"]["enum"])
    formats = set(facts["parameters"]["properties"]["response_format"]["enum"])
    assert operations in choices(policies, "roles")
    assert set(facts["time"]["properties"]["weekday"]["enum"]) in choices(policies, "hours")
    assert formats in choices(policies, "tiers")
    assert set(KINDS) in choices(policies, "tiers")
    assert set(KINDS) in choices(policies, "masking")
    for stem in ("limits", "usage"):
        assert set(get_args(Unit)) in choices(policies, stem)
    assert set(get_args(Fact)) in choices(policies, "usage")


MISFITS = [
    (
        ("data/hours.yaml", 'to: "18:30"', "to: 18:30"),
        'hours.tenants.initech[0].to: 1110 is not a time in quotes, such as "08:30"',
    ),
    (
        ("data/masking.yaml", "      treatment: redact\n", "      treatmnt: redact\n"),
        "masking.tenants.initech.treatmnt: there is no such key; did you mean treatment?",
    ),
    (
        ("data/networks.yaml", "192.0.2.0/24", "192.0.2.0"),
        'networks.tenants.initech[0]: "192.0.2.0" is not a network, such as 192.0.2.0/24 or '
        '"2001:db8::/32"',
    ),
    (
        ("data/residency.yaml", "[eu-west]", "eu-west"),
        'residency.undeclared: "eu-west" is not of type array',
    ),
    (
        ("data/roles.yaml", "      - infer\n", "      - inference\n"),
        'roles.developer.operations[3]: "inference" is not an operation of the input, or the '
        "beginning of some and *: chat.completions, models.*",
    ),
    (
        ("data/routing.yaml", '"2"', "2"),
        'routing.chat.canary.version: 2 is not a version in quotes, such as "2"',
    ),
    (
        ("data/tiers.yaml", "    streaming: true\n", ""),
        "tiers.free: the key streaming is missing",
    ),
]


def test_what_does_not_fit(edit: Edit, policies: Path) -> None:
    for change, _ in MISFITS:
        edit(*change)
    assert [(one.file, one.message) for one in check_data(policies).findings] == [
        (f"policies/{file}", message) for (file, _, _), message in MISFITS
    ]


def test_the_line_is_that_of_the_value(edit: Edit, policies: Path) -> None:
    file = edit("data/routing.yaml", "share: 1000", "share: 10001")
    finding = only(policies)
    assert finding.place == f"policies/data/routing.yaml:{line_of(file, 'share: 10001')}"
    assert finding.message == "routing.chat.canary.share: 10001 is not 10000 or less"


def test_the_document_shows_what_is_told(edit: Edit, policies: Path) -> None:
    edit("data/hours.yaml", '"18:30"', "6pm")
    edit("data/tiers.yaml", "temperature: 1.5", "temprature: 1.5")
    shown = (Path(__file__).parents[3] / "docs/policy-authors.md").read_text("utf-8")
    for finding in check_data(policies).findings:
        line = f"  {finding.place.removeprefix('policies/')}: {finding.message}\n"
        assert line in shown


GOOD = {"name": "a", "of": ["tenant"], "unit": "tokens", "window": 60, "max": 1}
SLOTS = {**GOOD, "unit": "slots", "window": {"type": "lifetime"}}
BUCKET = {"type": "bucket", "refill": 10, "seconds": 60}
MONTH = {"type": "calendar", "period": "month", "time_zone": "Europe/Vienna", "anchor": 15}
QUEUE = {"max_waiting": 5, "max_wait": 2.5, "priority": "low", "share": 3, "weight": 2}


LIMITS = [
    GOOD,
    {**GOOD, "of": ["principal", "tenant", "team", "region", "pool", "model"]},
    {**GOOD, "window": BUCKET, "warn_at": [50, 80, 100]},
    {**GOOD, "window": MONTH, "unit": "cost", "on_exceed": "clamp"},
    {**SLOTS, "on_exceed": "queue", "queue": QUEUE},
    {**SLOTS, "on_exceed": "fallback"},
]
WRONG_LIMITS: list[tuple[dict[str, Any], str]] = [
    ({"window": "hour"}, "a map with a type: bucket, calendar, lifetime"),
    ({"window": 0}, "window: 0 is not 1 or more"),
    ({"window": {"type": "buckets"}}, '"buckets" is not one of bucket, calendar, lifetime'),
    ({"window": {**BUCKET, "refil": 1}}, "window.refil: there is no such key; did you mean"),
    ({"window": {**MONTH, "anchor": 31}}, "window.anchor: 31 is not 28 or less"),
    ({"window": {"type": "calendar"}}, "window: the key period is missing"),
    ({"unit": "slots"}, "window: 60 is not { type: lifetime }, as slots have no other window"),
    ({"unit": "token"}, 'unit: "token" is not one of requests'),
    ({"of": []}, "of: [] is not enough: at least one is needed"),
    ({"of": ["tenants"]}, 'of[0]: "tenants" is not one of principal'),
    ({"on_exceed": "queue"}, "the key queue is missing"),
    ({"queue": QUEUE}, "the key on_exceed is missing"),
    ({"queue": QUEUE, "on_exceed": "deny"}, 'on_exceed: "deny" is not queue, as there is'),
    ({"on_exceed": "clamp", "unit": "requests"}, 'unit: "requests" is not tokens or cost'),
    ({"warn_at": [120]}, "warn_at[0]: 120 is not 100 or less"),
]


def limited(policies: Path, *limits: dict[str, Any]) -> list[str]:
    """What is wrong with these limits of tier free."""
    value = {"limits": {"tenants": {}, "tiers": {"free": list(limits)}}}
    (policies / "data" / "limits.yaml").write_text(json.dumps(value))
    return [one.message for one in check_data(policies).findings]


def test_a_limit(policies: Path) -> None:
    assert limited(policies, *LIMITS) == []


def test_a_limit_that_the_gateway_would_not_take(policies: Path) -> None:
    told = limited(policies, *({**GOOD, **change} for change, _ in WRONG_LIMITS))
    for number, (message, (_, expected)) in enumerate(zip(told, WRONG_LIMITS, strict=True)):
        place = f"limits.tiers.free[{number}]"
        assert message.startswith((f"{place}.", f"{place}:"))
        assert expected in message


def test_counters_of_usage(policies: Path) -> None:
    file = policies / "data" / "usage.yaml"
    counter = {name: GOOD[name] for name in ("of", "unit", "window")}
    file.write_text(json.dumps({"usage": {"counters": {"hour": counter, "month": counter}}}))
    assert check_data(policies).findings == ()
    file.write_text(json.dumps({"usage": {"counters": {"hour": {**counter, "max": 3}}}}))
    assert only(policies).message.startswith("usage.counters.hour.max: there is no such key")


def own(policies: Path, rules: str, name: str = "seeds") -> None:
    """Data of the repository's own with a schema of its own."""
    (policies / "data" / f"{name}.yaml").write_text(f"{name}:\n  tiers: [internal]\n")
    (policies / "schemas" / f"{name}.schema.json").write_text(rules)


def test_data_of_ones_own(policies: Path) -> None:
    own(policies, '{"properties": {"seeds": {"properties": {"tiers": {"type": "string"}}}}}')
    finding = only(policies)
    assert finding.place == "policies/data/seeds.yaml:2"
    assert finding.message == 'seeds.tiers: ["internal"] is not of type string'


NO_SCHEMAS = {
    "unknown": '{"type": "map"}',
    "unresolved": '{"$ref": "#/$defs/gone"}',
    "unmatched": '{"properties": {"unmatched": {"patternProperties": {"(": {}}}}}',
    "unended": "[",
    "untyped": "[]",
}


def test_a_schema_that_is_none(policies: Path) -> None:
    for name, rules in NO_SCHEMAS.items():
        own(policies, rules, name)
    found = check_data(policies).findings
    assert {one.file for one in found} == {
        f"policies/schemas/{name}.schema.json" for name in NO_SCHEMAS
    }
    assert len(found) == len(NO_SCHEMAS)
    assert all(one.message.startswith("not") for one in found)
