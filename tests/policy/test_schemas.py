"""The schemas describe exactly what the types say, in both directions."""

from __future__ import annotations

import json
from contextlib import nullcontext
from functools import cache
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given

from extauth.errors import PolicyError
from extauth.policy import Entrypoint, WasmEngine
from extauth.policy.engine import decided
from extauth.types import Facts, ListingFacts
from tests.policy.conftest import POLICIES, ROOT
from tests.policy.facts import CHAT
from tests.policy.facts import facts as any_facts

Schema = dict[str, Any]


def schema(name: str) -> Schema:
    """A schema of the repository."""
    read: Schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    return read


def valid(document: object, name: str) -> bool:
    """Whether it fits a schema of the repository."""
    return bool(_validator(name).is_valid(document))


@cache
def _validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(schema(name))


def shape(whole: Schema, part: Schema) -> Any:
    """What a schema says of the structure: names, types, enums, what is required."""
    if "$ref" in part:
        target = whole
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return shape(whole, target)
    types = part.get("type")
    if "anyOf" in part:
        return sorted((shape(whole, one) for one in alternatives(part)), key=repr)
    if isinstance(types, list):
        return sorted((shape(whole, {**part, "type": one}) for one in types), key=repr)
    return plain_shape(whole, part)


def alternatives(part: Schema) -> list[Schema]:
    """Those of a schema, and of its alternatives."""
    if "anyOf" not in part:
        return [part]
    return [each for one in part["anyOf"] for each in alternatives(one)]


def plain_shape(whole: Schema, part: Schema) -> Any:
    """The same of a schema with one type."""
    match part:
        case {"const": value}:
            return [value]
        case {"enum": values}:
            return sorted(values)
        case {"type": "object", "properties": properties}:
            required = part.get("required", ())
            return {
                name: (shape(whole, value), name in required) for name, value in properties.items()
            }
        case {"type": "object", "additionalProperties": dict(extra)}:
            return ("object of", shape(whole, extra))
        case {"type": "array", "items": items}:
            return ("array of", shape(whole, items))
    return part.get("type")


def flat(described: Any) -> Any:
    """The same without what is required: the input's schema asks for all that is encoded."""
    if isinstance(described, dict):
        return {name: flat(value) for name, (value, _) in described.items()}
    if isinstance(described, list):
        return [flat(one) for one in described]
    return described


def test_the_input_is_what_the_types_say() -> None:
    ours, theirs = schema("input"), msgspec.json.schema(ListingFacts)
    assert flat(shape(ours, ours)) == flat(shape(theirs, theirs))


@given(facts=any_facts)
def test_every_input_fits_its_schema(facts: Facts) -> None:
    assert valid(json.loads(msgspec.json.encode(facts)), "input")


async def test_every_decision_fits_its_schema(wasm: WasmEngine) -> None:
    allowed = await wasm.decide(Entrypoint.INFERENCE, CHAT)
    denied = await wasm.decide(
        Entrypoint.INFERENCE, msgspec.structs.replace(CHAT, usage=None, model=None)
    )
    assert (allowed.allow, denied.allow) == (True, False)
    for decision in (allowed, denied):
        assert valid(json.loads(msgspec.json.encode(decision)), "decision")


@pytest.mark.parametrize(
    ("decision", "admission", "inference"),
    [
        ({"allow": True}, True, False),
        ({"allow": True, "obligations": []}, False, True),
        ({"allow": False}, True, True),
        ({"allow": False, "obligations": []}, False, True),
    ],
)
def test_what_a_schema_allows_is_what_is_decoded(
    decision: object, admission: bool, inference: bool
) -> None:
    told = {Entrypoint.ADMISSION: admission, Entrypoint.INFERENCE: inference}
    for entrypoint, fits in told.items():
        name = "admission" if entrypoint is Entrypoint.ADMISSION else "decision"
        assert valid(decision, name) is fits
        with nullcontext() if fits else pytest.raises(PolicyError):
            decided(entrypoint, decision)


def test_every_file_of_cases_fits_its_schema() -> None:
    for file in (POLICIES / "cases").glob("*.yaml"):
        assert valid(yaml.safe_load(file.read_text()), "case"), file


@pytest.mark.parametrize("name", ["input", "admission", "decision", "case"])
def test_every_property_is_described(name: str) -> None:
    bare = list(undescribed(schema(name), name))
    assert bare == []


def undescribed(part: Any, path: str) -> list[str]:
    """The properties without a description."""
    if isinstance(part, list):
        return [bare for one in part for bare in undescribed(one, path)]
    if not isinstance(part, dict):
        return []
    part = {name: value for name, value in part.items() if name != "if"}
    found = [
        f"{path}.{name}"
        for name, value in part.get("properties", {}).items()
        if not value.get("description")
    ]
    within = (undescribed(value, f"{path}.{name}") for name, value in part.items())
    return [*found, *(bare for each in within for bare in each)]
