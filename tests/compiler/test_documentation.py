"""docs/configuration.md and envoy/demo, in step with what they describe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from extauth.assurance.generate import envoy_demo
from extauth.storage.resources import schema
from tests.compiler.conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator


def rows(rules: dict[str, Any], place: str = "") -> Iterator[str]:
    """A row of the table for every key below `rules`."""
    for name, rule in rules.get("properties", {}).items():
        key = f"{place}.{name}".removeprefix(".")
        needed = "yes" if name in rules.get("required", ()) else ""
        yield f"| `{key}` | {value(rule)} | {needed} | {rule['description']} |"
        yield from rows(rule, key)
        for inner, suffix in (("additionalProperties", ".<name>"), ("items", "[]")):
            if isinstance(rule.get(inner), dict):
                yield from rows(rule[inner], key + suffix)


def value(rule: dict[str, Any]) -> str:
    """What may stand there, in words."""
    if "x-expected" in rule:
        return str(rule["x-expected"]).split(" such as")[0]
    if choices := rule.get("enum") or ([rule["const"]] if "const" in rule else None):
        return " or ".join(f"`{choice}`" for choice in choices)
    if rule["type"] == "integer":
        return f"integer, {rule['minimum']} " + (
            f"to {rule['maximum']}" if "maximum" in rule else "or more"
        )
    words = {"array": "list", "object": "map", "string": "text", "boolean": "`true` or `false`"}
    return words[rule["type"]]


def test_every_key_is_described() -> None:
    text = (REPOSITORY / "docs/configuration.md").read_text()
    written = [line for line in text.splitlines() if line.startswith("| `")]
    assert written == list(rows(json.loads(schema("gateway").read_text())))


def test_the_rendered_demo_is_committed() -> None:
    demo = REPOSITORY / "envoy/demo"
    rendered = envoy_demo(REPOSITORY / "gateway.yaml")
    assert {file.name: file.read_text() for file in demo.iterdir()} == rendered, "`make generate`"
