"""Decision cases, which a security team writes in `cases/*.yaml`, for any engine.

`schemas/case.schema.json`, which is made from the types here, has the format.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import yaml

from extauth.errors import ConfigurationError, GatewayError
from extauth.obligations import Decision, ObligationName
from extauth.policy.engine import Entrypoint
from extauth.rego.source import Loader, read_text, yaml_error
from extauth.types import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from extauth.policy.engine import Decider

_FIXTURES = "fixtures.yaml"
_BASE = "base"
_PATH = re.compile(r" - at `\$\.?(.*)`$")
_STEP = re.compile(r"([^.\[\]]+)")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")

JsonObject = dict[str, Any]


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The expected decision. Fields that are left out are not compared, except for `rules`."""

    allow: Annotated[bool, msgspec.Meta(description="True if the request may go on.")]
    rules: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="The rules that fire: all of them, in order. None when left out."),
    ] = ()
    message: Annotated[str | None, msgspec.Meta(description="The message of the first reason.")] = (
        None
    )
    route: Annotated[
        dict[str, str], msgspec.Meta(description="The route's fields that matter.")
    ] = {}
    obligations: Annotated[
        tuple[JsonObject, ...],
        msgspec.Meta(description="Each must be among the decision's, by the fields given."),
    ] = ()
    without: Annotated[
        tuple[ObligationName, ...],
        msgspec.Meta(description="Types of obligation that the decision must not hold."),
    ] = ()


class Case(msgspec.Struct, frozen=True):
    """A question with its expected decision. `place` is `file:line`."""

    name: str
    place: str
    entrypoint: Entrypoint
    facts: Facts
    expect: Expectation


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question and its answer."""

    name: Annotated[str, msgspec.Meta(description="A sentence that says what is so.")]
    expect: Annotated[
        Expectation,
        msgspec.Meta(description="The expected decision. What is left out is not compared."),
    ]
    entrypoint: Annotated[
        Literal["admission", "inference"],
        msgspec.Meta(description="The stage that is asked: admission sees no body."),
    ] = "inference"
    parts: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Fixtures, merged in this order over `base`."),
    ] = msgspec.field(default=(), name="from")
    given: Annotated[
        JsonObject, msgspec.Meta(description="A part of input.schema.json, merged last.")
    ] = {}


class CaseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `cases/`: decision tables in plain words."""

    fixtures: Annotated[
        dict[str, JsonObject],
        msgspec.Meta(
            description="Named parts of a policy input, for this file; in `fixtures.yaml`, for all "
            "files. `base` is part of every case."
        ),
    ] = {}
    cases: Annotated[
        tuple[Row, ...],
        msgspec.Meta(description="The cases: each is a question and the answer it must get."),
    ] = ()


def load_cases(directory: Path) -> tuple[Case, ...]:
    """Read every case of the directory's files, by file name, in their order.

    Raises ConfigurationError with file and line for anything that is not a case, a fixture that
    does not exist, and facts that no request has.
    """
    shared = _Source(directory / _FIXTURES).content.fixtures
    files = sorted(file for file in directory.glob("*.yaml") if file.name != _FIXTURES)
    return tuple(case for file in files for case in _Source(file).cases(shared))


async def check(case: Case, engine: Decider) -> tuple[str, ...]:
    """Ask `engine`; return in words what differs from the expectation, empty when nothing does."""
    try:
        decision = await engine.decide(case.entrypoint, case.facts)
    except GatewayError as error:
        return (error.message,)
    return tuple(differences(case.expect, decision))


class _Source:
    """A file of cases, with the lines of its nodes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            loader = Loader(read_text(file))
            self._root = loader.get_single_node()
            raw = loader.construct_document(self._root) if self._root else {}
            self.content = msgspec.convert(raw, CaseFile)
        except yaml.YAMLError as error:
            raise yaml_error(error, file) from None
        except msgspec.ValidationError as error:
            raise self._wrong(str(error)) from None

    def cases(self, shared: Mapping[str, JsonObject]) -> Iterator[Case]:
        """Yield the file's cases, over its own fixtures and the shared ones."""
        fixtures = {**shared, **self.content.fixtures}
        for number, row in enumerate(self.content.cases):
            path = f"cases[{number}]"
            yield Case(
                name=row.name,
                place=f"{self._file}:{self._line(path)}",
                entrypoint=Entrypoint[row.entrypoint.upper()],
                facts=self._facts(row, fixtures, path),
                expect=row.expect,
            )

    def _facts(self, row: Row, fixtures: Mapping[str, JsonObject], path: str) -> Facts:
        merged: JsonObject = fixtures.get(_BASE, {})
        for place, part in enumerate(row.parts):
            if part not in fixtures:
                known = ", ".join(sorted(fixtures))
                raise self._error(
                    f"no fixture {part!r}; there are {known}", f"{path}.from[{place}]"
                )
            merged = _merge(merged, fixtures[part])
        merged = _merge(merged, row.given)
        try:
            facts = msgspec.convert(merged, Facts)
        except msgspec.ValidationError as error:
            raise self._wrong(str(error), f"{path}.given.") from None
        unknown = next(_unknown(merged, msgspec.to_builtins(facts)), None)
        if unknown is not None:
            raise self._error(f"no request has the fact {unknown}", f"{path}.given.{unknown}")
        return facts

    def _wrong(self, message: str, prefix: str = "") -> ConfigurationError:
        found = _PATH.search(message)
        path = prefix + found[1] if found else prefix
        message = _PATH.sub("", message)
        if unknown := _UNKNOWN.fullmatch(message):
            path, message = _without_key(path, unknown[1])
        return self._error(message, path)

    def _error(self, message: str, path: str) -> ConfigurationError:
        return ConfigurationError(message, file=self._file, line=self._line(path))

    def _line(self, path: str) -> int:
        """Return the line of the path, or of its nearest ancestor that exists."""
        node = self._root
        line = node.start_mark.line if node else 0
        for step in _STEP.findall(path):
            if isinstance(node, yaml.SequenceNode) and step.isdigit():
                node = node.value[int(step)]
                line = node.start_mark.line
            elif isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == step), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line, pair[1]
        return line + 1


def _without_key(holder: str, name: str) -> tuple[str, str]:
    """Return the path of an unknown key, and the message about it."""
    kind = Expectation if holder.endswith(".expect") else Row if holder else CaseFile
    keys = [field.encode_name for field in msgspec.structs.fields(kind)]
    close = difflib.get_close_matches(name, keys, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(keys)}"
    return f"{holder}.{name}", f"there is no key {name}; {hint}"


def _merge(below: JsonObject, above: JsonObject) -> JsonObject:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = _merge(under, value) if both else value  # type: ignore[arg-type] # both are
    return merged


def _unknown(given: JsonObject, facts: JsonObject, prefix: str = "") -> Iterator[str]:
    for key, value in given.items():
        if key not in facts:
            yield prefix + key
        elif isinstance(value, dict):
            yield from _unknown(value, facts[key], f"{prefix}{key}.")


def differences(expect: Expectation, decision: Decision) -> Iterator[str]:
    """Yield in words what differs between the decision and the expectation."""
    rules = tuple(reason.rule for reason in decision.reasons)
    if decision.allow is not expect.allow:
        yield "allowed, expected a deny" if decision.allow else f"denied by {', '.join(rules)}"
    elif rules != expect.rules:
        yield f"denied by {', '.join(rules)}, expected {', '.join(expect.rules) or 'no rule'}"
    first = decision.reasons[0].message if decision.reasons else None
    if expect.message not in {None, first}:
        yield f"the message is {first!r}, expected {expect.message!r}"
    route = msgspec.to_builtins(decision.route) or {}
    if not holds(route, expect.route):
        yield f"routed to {route or 'nowhere'}, expected {expect.route}"
    obligations = json.loads(msgspec.json.encode(decision.obligations))
    for wanted in expect.obligations:
        if not any(holds(obligation, wanted) for obligation in obligations):
            yield f"no obligation {wanted}; there are {obligations}"
    for kind in expect.without:
        if any(obligation["type"] == kind for obligation in obligations):
            yield f"an obligation {kind}, expected none"


def holds(whole: JsonObject, part: JsonObject) -> bool:
    """Return whether `whole` has everything that `part` has."""
    return all(key in whole and whole[key] == value for key, value in part.items())
