"""A walk through the trees that OPA makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.rego.tree import call_terms, package_of, ref_of, references, row, text, walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from extauth.rego.opa import Opa

    Parse = Callable[[str], dict[str, Any]]


@pytest.fixture
def parse(opa: Opa, tmp_path: Path) -> Parse:
    """Parse a module that begins with its package on the first line."""

    def made(rules: str) -> dict[str, Any]:
        (tmp_path / "demo.rego").write_text(f"package gateway.demo\n\n{rules}\n")
        return opa.parse("demo.rego", cwd=tmp_path)

    return made


REFERENCES = {
    "a reference, and not its names": ("x := data.tiers.free", ["data.tiers.free"]),
    "a variable in brackets": ("x := data.tiers[t] if t := 1", ["data.tiers", "t", "assign", "t"]),
    "a reference in brackets": (
        "x := data.tiers[input.tier].n",
        ["data.tiers", "input.tier"],
    ),
    "a reference to a call's value": (
        'x := split(input.path, "/")[0]',
        ["", "split", "input.path"],
    ),
    "inside a comprehension": (
        "x := [y | some y in input.list]",
        ["y", "internal.member_2", "y", "input.list"],
    ),
    "inside an every": ("x if every y in input.a { y > 1 }", ["input.a", "y", "gt", "y"]),
    "a fact that is replaced": (
        "x if data.a with input.b as data.c",
        ["data.a", "data.c", "input.b"],
    ),
}


@pytest.mark.parametrize(("rule", "found"), REFERENCES.values(), ids=REFERENCES)
def test_references(parse: Parse, rule: str, found: list[str]) -> None:
    (tree,) = parse(rule)["rules"]
    heads = {"x"}
    told = [".".join(path) for path, _ in references(tree)]
    assert sorted(one for one in told if one not in heads) == sorted(found)


def test_metadata_is_not_walked(parse: Parse) -> None:
    tree = parse("# METADATA\n# custom:\n#   type: ref\n#   value: [1]\nx := 1")
    assert all("custom" not in node for node in walk(tree["rules"]))


def test_an_object_comes_before_what_it_holds(parse: Parse) -> None:
    nodes = list(walk(parse("x := [1, [2, 3]]")["rules"]))
    assert [node["value"] for node in nodes if node.get("type") == "number"] == [1, 2, 3]
    kinds = [node["type"] for node in nodes if node.get("type") in {"array", "number"}]
    assert kinds == ["array", "number", "array", "number", "number"]


def test_a_deep_tree() -> None:
    tree: object = {"type": "number", "value": 1}
    for _ in range(10_000):
        tree = [tree]
    assert len(list(walk(tree))) == 1


def test_the_terms_of_calls(parse: Parse) -> None:
    tree = parse("x if {\n\tinput.a == 1\n\tcount(input.b) > 2\n\tdata.c\n}")
    found = [terms for node in walk(tree["rules"]) if (terms := call_terms(node))]
    assert [".".join(ref_of(operator)) for operator, *_ in found] == ["equal", "gt", "count"]


def test_names_of_packages_and_places(parse: Parse) -> None:
    tree = parse('x := "é" if input.a')
    assert package_of(tree) == ("data", "gateway", "demo")
    (rule,) = tree["rules"]
    assert row(rule) == 3
    assert text(rule["head"]["value"]) == '"é"'
    assert (row({}), text({})) == (None, "")
