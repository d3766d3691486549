"""Which changes are made, each the smallest edit of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.assurance.mutation.module import parse
from extauth.assurance.mutation.operators import mutants
from extauth.rego.opa import Opa

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.assurance.mutation.mutant import Mutant

HEAD = "package demo\n\n"


def changes(text: str, opa: Path, folder: Path) -> tuple[Mutant, ...]:
    file = folder / "demo.rego"

    def tree(spelt: str) -> dict[str, object]:
        file.write_text(spelt)
        return Opa(opa).parse(file)

    return mutants(parse("gateway/demo.rego", HEAD + text, tree))


CASES = {
    "an equality is turned round": (
        "a if input.x == input.y",
        "comparison",
        ["a if input.x != input.y"],
    ),
    "an inequality is turned round": (
        "a if input.x != input.y",
        "comparison",
        ["a if input.x == input.y"],
    ),
    "a limit is moved and turned round": (
        "a if input.x < input.y",
        "comparison",
        ["a if input.x <= input.y", "a if input.x >= input.y"],
    ),
    "an open limit as well": (
        "a if input.x >= input.y",
        "comparison",
        ["a if input.x > input.y", "a if input.x < input.y"],
    ),
    "a comparison outside of a body": (
        "a := [input.x > 1]",
        "comparison",
        ["a := [input.x >= 1]", "a := [input.x <= 1]"],
    ),
    "a number is one more and one less": ("a := 404", "number", ["a := 405", "a := 403"]),
    "a negative number and a fraction": (
        "a := [-1, 0.5]",
        "number",
        ["a := [0, 0.5]", "a := [-2, 0.5]", "a := [-1, 1.5]", "a := [-1, -0.5]"],
    ),
    "a text is another one": ('a := "é b"', "text", ['a := "mutated"']),
    "a text that is the other one already": ('a := "mutated"', "text", ['a := ""']),
    "a raw text": ("a := `b`", "text", ['a := "mutated"']),
    "keys are texts": ('a := {"k": input.x}', "text", ['a := {"mutated": input.x}']),
    "names in references are not": ('a := input["k"].l', "text", []),
    "true is false": ("a := true", "boolean", ["a := false"]),
    "a default is swapped": ("default a := false", "default", ["default a := true"]),
    "a not is dropped": ("a if not input.x", "negation", ["a if input.x"]),
    "a not is added": ("a if input.x", "negation", ["a if not input.x"]),
    "a comparison needs no not": ("a if input.x == 1", "negation", []),
    "membership is negated": (
        "a if input.x in input.y",
        "membership",
        ["a if not input.x in input.y"],
    ),
    "non-membership is asserted": (
        "a if not input.x in input.y",
        "membership",
        ["a if input.x in input.y"],
    ),
    "a condition of several goes with its line": (
        "a if {\n\tinput.x\n\tinput.y\n}",
        "condition",
        ["a if {\n\tinput.y\n}", "a if {\n\tinput.x\n}"],
    ),
    "a condition that shares its line is true": (
        "a if { input.x; input.y }",
        "condition",
        ["a if { true; input.y }", "a if { input.x; true }"],
    ),
    "the only condition is true": ("a if input.x", "condition", ["a if true"]),
    "a condition of a comprehension": (
        "a := [x | some x in input.y; input.z]",
        "condition",
        ["a := [x | true; input.z]", "a := [x | some x in input.y; true]"],
    ),
    "an every": (
        "a if { every x in input.y { x > input.z } }",
        "comparison",
        [
            "a if { every x in input.y { x >= input.z } }",
            "a if { every x in input.y { x <= input.z } }",
        ],
    ),
    "what an else says": (
        "a := 1 if {\n\tinput.x\n} else := input.z if not input.y",
        "negation",
        [
            "a := 1 if {\n\tnot input.x\n} else := input.z if not input.y",
            "a := 1 if {\n\tinput.x\n} else := input.z if input.y",
        ],
    ),
    "arithmetic": (
        "a := (input.x + input.y) * input.z",
        "arithmetic",
        ["a := (input.x - input.y) * input.z", "a := (input.x + input.y) / input.z"],
    ),
    "an element of a list is left out": (
        "a := [input.x, input.y]",
        "element",
        ["a := [input.y]", "a := [input.x]"],
    ),
    "elements of a set, in the order of the text": (
        'a := {"c", "a", "b"}',
        "element",
        ['a := {"a", "b"}', 'a := {"c", "b"}', 'a := {"c", "a"}'],
    ),
    "the only element": ("a := {input.x}", "element", ["a := set()"]),
    "with another input": (
        "a if data.b with input as [input.x]",
        "element",
        ["a if data.b with input as []"],
    ),
    "a rule without a body has no condition": ("a := input.x", "condition", []),
    "what a head says": (
        "a contains [input.x, input.y] if input.z",
        "element",
        ["a contains [input.y] if input.z", "a contains [input.x] if input.z"],
    ),
}


@pytest.mark.parametrize(("text", "operator", "expected"), CASES.values(), ids=CASES)
def test_an_operator(
    text: str, operator: str, expected: list[str], opa: Path, tmp_path: Path
) -> None:
    made = [mutant for mutant in changes(text, opa, tmp_path) if mutant.operator == operator]
    assert sorted(mutant.text for mutant in made) == sorted(HEAD + one for one in expected)


def test_equal_texts_are_made_once(opa: Path, tmp_path: Path) -> None:
    made = [mutant.text for mutant in changes("a[1] := [1, 1]", opa, tmp_path)]
    assert len(made) == len(set(made))


def test_a_change_is_known_by_its_lines(opa: Path, tmp_path: Path) -> None:
    text = "a if {\n\tinput.x\n\tinput.y  > 3\n}\n"
    removed = [one for one in changes(text, opa, tmp_path) if one.operator == "condition"]
    moved = [one for one in changes(text, opa, tmp_path) if one.operator == "comparison"]
    assert [(one.line, one.before, one.after) for one in removed] == [
        (4, "input.x", ""),
        (5, "input.y > 3", ""),
    ]
    assert [(one.line, one.before, one.after) for one in moved] == [
        (5, "input.y > 3", "input.y >= 3"),
        (5, "input.y > 3", "input.y <= 3"),
    ]
