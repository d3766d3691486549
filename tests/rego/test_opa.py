"""OPA's commands: what each returns, and how each fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import PolicyError, StackError
from extauth.rego.fault import OpaRefused, OpaTimeout
from extauth.rego.opa import Opa, sources
from extauth.rego.tree import package_of
from extauth.snapshot.bundle import manifest, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[dict[str, str]], Path]

RULES = """package gateway.demo

decision := helper if input.ask

helper := 7

spare := 1

conflict := 1 if input.a

conflict := 2 if input.b
"""
TESTS = """package gateway.demo_test

import data.gateway.demo

test_passes if demo.decision == 7 with input as {"ask": true}

test_fails if {
	print("told", 1)
	demo.helper == 8
}

test_breaks if demo.conflict == 1 with input as {"a": true, "b": true}

todo_test_skipped if false
"""
LOOP = """package gateway.demo

forever if {
	some i in numbers.range(1, 5000)
	some j in numbers.range(1, 5000)
	i + j < 0
}
"""
BROKEN = "package gateway.demo\n\nx if {\n"
UNSAFE = "package gateway.demo\n\nx := y\n\nz := w\n"

FILES = {"gateway/demo.rego": RULES}


def test_the_directories_that_opa_loads(write: Write) -> None:
    root = write({"gateway/a.rego": "package a\n", "cases/a.yaml": "cases: []\n"})
    assert sources(root) == ["gateway"]
    write({"data/a.yaml": "a: 1\n"})
    assert sources(root) == ["gateway", "data"]


def test_a_module_is_parsed_with_its_places(opa: Opa, write: Write) -> None:
    root = write(FILES)
    tree = opa.parse("gateway/demo.rego", cwd=root)
    assert package_of(tree) == ("data", "gateway", "demo")
    assert [rule["location"]["row"] for rule in tree["rules"]] == [3, 5, 7, 9, 11]
    assert len(opa.parse(root / "gateway/demo.rego")["rules"]) == 5


def test_a_module_that_does_not_parse(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": BROKEN})
    with pytest.raises(OpaRefused) as caught:
        opa.parse("gateway/demo.rego", cwd=root)
    assert (caught.value.file, caught.value.line) == (root / "gateway/demo.rego", 4)
    assert caught.value.faults[0].refused


def test_every_fault_of_the_compiler(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": UNSAFE})
    faults = opa.check(["gateway"], cwd=root)
    assert [(fault.message, fault.line) for fault in faults] == [
        ("var y is unsafe", 3),
        ("var w is unsafe", 5),
    ]
    assert {fault.file for fault in faults} == {root / "gateway/demo.rego"}


def test_more_faults_than_opa_reports_by_itself(opa: Opa, write: Write) -> None:
    rules = "\n\n".join(f"x{number} := y{number}" for number in range(15))
    root = write({"gateway/demo.rego": f"package gateway.demo\n\n{rules}\n"})
    assert len(opa.check(["gateway"], cwd=root)) == 15


def test_only_a_strict_check_finds_an_unused_import(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": "package gateway.demo\n\nimport data.other\n\nx := 1\n"})
    (fault,) = opa.check(["gateway"], cwd=root)
    assert fault.unused_import
    assert opa.check(["gateway"], cwd=root, strict=False) == ()


def test_a_schema_tells_what_there_would_be(opa: Opa, write: Write) -> None:
    schema = '{"type": "object", "properties": {"user": {"type": "string"}}}'
    annotated = "# METADATA\n# schemas:\n#   - input: schema.input\n"
    root = write(
        {
            "gateway/demo.rego": f"package gateway.demo\n\n{annotated}x := input.usr\n",
            "schemas/input.json": schema,
        }
    )
    (fault,) = opa.check(["gateway"], cwd=root, schemas=root / "schemas")
    assert fault.message == "undefined ref: input.usr; there are user"


def test_files_that_are_not_formatted(opa: Opa, write: Write) -> None:
    root = write({**FILES, "gateway/b.rego": "package b\n\nx  :=  1\n"})
    assert opa.unformatted("gateway", cwd=root) == ["gateway/b.rego"]
    assert opa.format(root / "gateway/b.rego") == "package b\n\nx := 1\n"


def test_annotations(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": "# METADATA\n# title: Demo\npackage gateway.demo\n"})
    found = opa.inspect("gateway", cwd=root)
    assert found["annotations"][0]["annotations"]["title"] == "Demo"


@pytest.mark.parametrize("one_core", [True, False])
def test_outcomes_of_unit_tests(opa: Opa, write: Write, one_core: bool) -> None:
    root = write({**FILES, "gateway/demo_test.rego": TESTS})
    outcomes = Opa(opa.path, one_core).test(["gateway"], cwd=root, test_seconds=5)
    told = {outcome.name: outcome for outcome in outcomes}
    assert {name: (one.passed, one.failed, one.skip) for name, one in told.items()} == {
        "test_passes": (True, False, False),
        "test_fails": (False, True, False),
        "test_breaks": (False, True, False),
        "todo_test_skipped": (False, False, True),
    }
    assert (told["test_fails"].output, told["test_fails"].location.row) == (b"told 1\n", 7)
    broken = told["test_breaks"].error
    assert broken is not None
    assert broken.code == "eval_conflict_error"


def test_some_unit_tests(opa: Opa, write: Write) -> None:
    root = write({**FILES, "gateway/demo_test.rego": TESTS})
    (outcome,) = opa.test(["gateway"], cwd=root, only="_passes", test_seconds=5)
    assert outcome.passed
    assert opa.test(["gateway"], cwd=root, only="nothing", test_seconds=5) == ()


def test_a_unit_test_that_takes_too_long(opa: Opa, write: Write) -> None:
    test = "package gateway.demo_test\n\ntest_loops if data.gateway.demo.forever\n"
    root = write({"gateway/demo.rego": LOOP, "gateway/demo_test.rego": test})
    (outcome,) = opa.test(["gateway"], cwd=root, test_seconds=0.2)
    assert outcome.late
    assert outcome.failed


def test_unit_tests_of_rego_that_does_not_compile(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": UNSAFE, "gateway/demo_test.rego": TESTS})
    with pytest.raises(OpaRefused) as caught:
        opa.test(["gateway"], cwd=root, test_seconds=5)
    assert [fault.line for fault in caught.value.faults] == [3, 5]


def test_lines_that_unit_tests_reach(opa: Opa, write: Write) -> None:
    passing = "\n".join(TESTS.splitlines()[:5]) + "\n"
    root = write({**FILES, "gateway/demo_test.rego": passing})
    report = opa.coverage(["gateway"], cwd=root, test_seconds=5)
    assert 0 < report.coverage < 100
    assert report.files["gateway/demo.rego"].missed == (7, 9, 11)


def test_no_lines_are_reported_when_a_test_breaks(opa: Opa, write: Write) -> None:
    root = write({**FILES, "gateway/demo_test.rego": TESTS})
    with pytest.raises(OpaRefused):
        opa.coverage(["gateway"], cwd=root, test_seconds=5)


def test_where_a_unit_test_failed(opa: Opa, write: Write) -> None:
    root = write({**FILES, "gateway/demo_test.rego": TESTS})
    name = "gateway.demo_test.test_fails"
    traces = opa.traces(["gateway"], [name], cwd=root, test_seconds=5)
    assert list(traces) == [name]
    assert traces[name].startswith("gateway/demo_test.rego:9:")
    assert "told" not in traces[name]


def test_a_value(opa: Opa, write: Write) -> None:
    root = write({**FILES, "data/a.yaml": "a: 1\n"})
    data = [root / "gateway", root / "data"]
    assert opa.evaluate("data.gateway.demo.decision", data, document=b'{"ask": true}') == 7
    assert opa.evaluate("data.gateway.demo.decision", data, document=b"{}") is None
    assert opa.evaluate("[data.a, data.gateway.demo.helper]", data) == [1, 7]


def test_a_value_that_conflicts(opa: Opa, write: Write) -> None:
    root = write(FILES)
    with pytest.raises(PolicyError, match=r"demo\.rego:(9|11): complete rules must not"):
        opa.evaluate("data.gateway.demo.conflict", [root], document=b'{"a": true, "b": true}')


def test_a_value_of_rego_that_does_not_compile(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": UNSAFE})
    with pytest.raises(OpaRefused) as caught:
        opa.evaluate("data.gateway.demo.x", [root])
    assert all(fault.refused for fault in caught.value.faults)


def test_a_value_that_takes_too_long(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": LOOP})
    with pytest.raises(OpaTimeout, match=r"opa eval took more than 0\.2 s"):
        opa.evaluate("data.gateway.demo.forever", [root], seconds=0.2)


def test_bundles(opa: Opa, write: Write) -> None:
    root = write({**FILES, "gateway/demo_test.rego": TESTS})
    plain, wasm = root / "plain.tar.gz", root / "wasm.tar.gz"
    opa.build(["gateway"], plain, cwd=root, revision="one")
    opa.build(["gateway"], wasm, cwd=root, revision="one", entrypoints=["gateway/demo/decision"])
    files = unpack(plain.read_bytes())
    assert set(files) == {"gateway/demo.rego", "data.json", ".manifest"}
    assert manifest(files).revision == "one"
    assert "policy.wasm" in unpack(wasm.read_bytes())


def test_a_command_that_takes_too_long(tmp_path: Path) -> None:
    slow = tmp_path / "opa"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    with pytest.raises(OpaTimeout, match=r"opa parse took more than 0\.1 s"):
        Opa(slow).parse("x.rego", seconds=0.1)


def test_no_opa(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't be run: No such file or directory"):
        Opa(tmp_path / "opa").parse("x.rego")


def test_something_else_than_opa(tmp_path: Path) -> None:
    other = tmp_path / "opa"
    other.write_text("#!/bin/sh\necho hello\n")
    other.chmod(0o755)
    with pytest.raises(OpaRefused, match="hello"):
        Opa(other).parse("x.rego")
