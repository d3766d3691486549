"""Every format tells the same, in the words of the tool that reads it."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from extauth.assurance.findings import FORMATS, Check, Diagnostic, Report, Severity, render

REPORT = Report(
    title="sluice check",
    summary="2 checks",
    checks=(
        Check(
            name="format",
            title="Format",
            seconds=0.25,
            findings=(
                Diagnostic("not formatted: a, b", file="gateway/a.rego", line=3, detail="-x\n+y"),
                Diagnostic("100% | done\x1b", level=Severity.NOTE),
            ),
        ),
        Check(name="wasm", title="Wasm", seconds=1.0),
        Check(name="regal", title="Regal", skipped="regal is not on PATH"),
    ),
)


def test_an_error_fails_and_a_note_does_not() -> None:
    assert REPORT.failed
    noted = Check(name="a", title="A", findings=(Diagnostic("so", level=Severity.NOTE),))
    assert not Report("x", (noted,)).failed


def test_text() -> None:
    assert render(REPORT, "text") == (
        "2 checks\n\n"
        "Format  failed\n"
        "  gateway/a.rego:3: not formatted: a, b\n"
        "    -x\n"
        "    +y\n"
        "  note: 100% | done\n"
        "Wasm    ok\n"
        "Regal   skipped: regal is not on PATH\n"
    )


def test_json() -> None:
    document = json.loads(render(REPORT, "json"))
    assert document["failed"] is True
    assert document["checks"][0]["findings"][0] == {
        "message": "not formatted: a, b",
        "file": "gateway/a.rego",
        "line": 3,
        "detail": "-x\n+y",
    }


def test_junit() -> None:
    (suite,) = ET.fromstring(render(REPORT, "junit"))  # noqa: S314  # our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    failed, passed, skipped = suite
    (failure,) = failed
    assert failure.get("message") == "gateway/a.rego:3: not formatted: a, b\n-x\n+y"
    assert "100% | done" in (failure.text or "")
    assert len(passed) == 0
    assert skipped[0].tag == "skipped"


def test_sarif() -> None:
    (run,) = json.loads(render(REPORT, "sarif"))["runs"]
    first, second = run["results"]
    assert (first["ruleId"], first["level"]) == ("format", "error")
    place = first["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("gateway/a.rego", 3)
    assert second["level"] == "note"
    assert "locations" not in second
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {"format", "wasm", "regal"}


def test_github_escapes_what_would_end_a_command() -> None:
    first, second = render(REPORT, "github").splitlines()
    assert first == (
        "::error file=gateway/a.rego,line=3,title=Format::not formatted: a, b%0A-x%0A+y"
    )
    assert second.startswith("::notice title=Format::100%25 | done")


def test_markdown() -> None:
    text = render(REPORT, "markdown")
    assert text.startswith("## sluice check\n\n2 checks\n")
    assert "| Format | failed |" in text
    assert "- `gateway/a.rego:3` not formatted: a, b\n\n  ```diff\n  -x\n  +y\n  ```" in text


@pytest.mark.parametrize("to", FORMATS)
def test_a_report_without_findings_is_readable_too(to) -> None:
    assert render(Report("x", (Check("a", "A"),)), to).endswith("\n")
