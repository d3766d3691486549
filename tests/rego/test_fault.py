"""The forms in which OPA writes its faults, all read into one."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth.rego.fault import OpaFault, OpaRefused, faults_of
from extauth.rego.process import Done

ROOT = Path("/policies")
PARSE = "rego_parse_error"


def read(text: str) -> tuple[OpaFault, ...]:
    return faults_of(Done(1, "", text), ROOT)


FORMS = {
    "of fmt": (
        f"failed to format Rego source file: 1 error occurred: gateway/a.rego:4: {PARSE}: "
        "unexpected eof token\n\tx if {\n\t     ^\n",
        [OpaFault("unexpected eof token", PARSE, ROOT / "gateway/a.rego", 4)],
    ),
    "of build": (
        f"error: load error: 2 errors occurred during loading:\ngateway/s p/q r.rego:3: {PARSE}: "
        f"one\n\t y := \n\t    ^\ngateway/s p/q r.rego:3: {PARSE}: two: more\n",
        [
            OpaFault("one", PARSE, ROOT / "gateway/s p/q r.rego", 3),
            OpaFault("two: more", PARSE, ROOT / "gateway/s p/q r.rego", 3),
        ],
    ),
    "of data": (
        "1 error occurred during loading: data/d.yaml: error converting YAML to JSON: "
        "yaml: line 7: did not find expected key",
        [
            OpaFault(
                "error converting YAML to JSON: yaml: line 7: did not find expected key",
                "",
                ROOT / "data/d.yaml",
                7,
            )
        ],
    ),
    "of an evaluation": (
        "gateway/a.rego:3: eval_conflict_error: complete rules must not produce multiple outputs",
        [
            OpaFault(
                "complete rules must not produce multiple outputs",
                "eval_conflict_error",
                ROOT / "gateway/a.rego",
                3,
            )
        ],
    ),
    "the same once a pass": (
        f"a.rego:1: {PARSE}: no\na.rego:1: {PARSE}: no\n",
        [OpaFault("no", PARSE, ROOT / "a.rego", 1)],
    ),
    "without a place": ("error: load error: out of\nmemory\n", [OpaFault("out of memory")]),
    "of tests that are ended": (
        "eval_cancel_error: context deadline exceeded",
        [OpaFault("context deadline exceeded", "eval_cancel_error")],
    ),
    "without a word": ("", [OpaFault("OPA failed without a word")]),
    "in JSON": (
        '{"errors": [{"message": "m", "code": "rego_type_error", "location": {"file": "a.rego", '
        '"row": 2, "col": 1}, "details": {"oneOf": ["x", "y"]}}]}',
        [OpaFault("m; there are x, y", "rego_type_error", ROOT / "a.rego", 2)],
    ),
    "in JSON without a place": (
        '{"errors": [{"message": "m", "code": "eval_cancel_error"}]}',
        [OpaFault("m", "eval_cancel_error")],
    ),
}


@pytest.mark.parametrize(("text", "faults"), FORMS.values(), ids=FORMS)
def test_a_form(text: str, faults: list[OpaFault]) -> None:
    assert list(read(text)) == faults


def test_output_stands_in_for_errors() -> None:
    assert faults_of(Done(1, "error: nothing\n", ""), ROOT) == (OpaFault("nothing"),)


@pytest.mark.parametrize(
    ("code", "cancelled", "refused"),
    [
        ("eval_cancel_error", True, False),
        ("eval_conflict_error", False, False),
        ("rego_unsafe_var_error", False, True),
        ("", False, False),
    ],
)
def test_what_a_code_means(code: str, cancelled: bool, refused: bool) -> None:
    fault = OpaFault("m", code)
    assert (fault.cancelled, fault.refused) == (cancelled, refused)


def test_an_error_has_the_place_of_its_only_fault() -> None:
    error = OpaRefused([OpaFault("m", "", ROOT / "a.rego", 2)])
    assert (error.message, error.file, error.line) == ("/policies/a.rego:2: m", ROOT / "a.rego", 2)


def test_an_error_tells_every_fault() -> None:
    error = OpaRefused([OpaFault("m", "", ROOT / "a.rego", 2), OpaFault("n")])
    assert error.message == "/policies/a.rego:2: m\nn"
    assert error.file is None
