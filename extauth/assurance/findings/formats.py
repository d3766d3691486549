"""A report in the formats that terminals, forges and CI servers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args
from xml.etree import ElementTree as ET

import msgspec

from extauth.assurance.findings.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from extauth.assurance.findings.finding import Check, Diagnostic, Report

Format = Literal["text", "json", "junit", "sarif", "github", "markdown"]
FORMATS: tuple[Format, ...] = get_args(Format)

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_MARKS = {True: "failed", False: "ok"}


def render(report: Report, to: Format) -> str:
    """Return the report as text that ends with a line end; equal reports give equal text."""
    return _RENDERERS[to](report).rstrip("\n") + "\n"


def _state(check: Check) -> str:
    return f"skipped: {check.skipped}" if check.skipped else _MARKS[check.failed]


def _text(report: Report) -> str:
    lines = [report.summary, ""] if report.summary else []
    width = max((len(check.title) for check in report.checks), default=0)
    for check in report.checks:
        lines.append(f"{check.title:<{width}}  {_state(check)}")
        for finding in check.findings:
            level = "" if finding.level is Severity.ERROR else f"{finding.level}: "
            place = f"{finding.place}: " if finding.place else ""
            lines.append(f"  {place}{level}{finding.message}")
            lines += [f"    {line}" for line in (finding.detail or "").splitlines()]
    # A policy's control characters must not reach the terminal.
    return _printable("\n".join(lines))


def _json(report: Report) -> str:
    document = {"failed": report.failed, **msgspec.to_builtins(report)}
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _junit(report: Report) -> str:
    suites = ET.Element("testsuites", name=report.title)
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=report.title,
        tests=str(len(report.checks)),
        failures=str(sum(check.failed for check in report.checks)),
        skipped=str(sum(check.skipped is not None for check in report.checks)),
        time=f"{sum(check.seconds for check in report.checks):.3f}",
    )
    for check in report.checks:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"sluice.{check.name}",
            name=check.title,
            time=f"{check.seconds:.3f}",
        )
        if check.skipped is not None:
            ET.SubElement(case, "skipped", message=_printable(check.skipped))
        told = [_line(finding) for finding in check.findings]
        if check.failed:
            failure = ET.SubElement(case, "failure", message=_printable(told[0]))
            failure.text = _printable("\n".join(told))
        elif told:
            ET.SubElement(case, "system-out").text = _printable("\n".join(told))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


def _sarif(report: Report) -> str:
    results = [
        {
            "ruleId": check.name,
            "level": finding.level.value,
            "message": {"text": _whole(finding)},
            **({"locations": [_location(finding)]} if finding.file else {}),
        }
        for check, finding in _findings(report)
    ]
    rules = [
        {"id": check.name, "shortDescription": {"text": check.title}} for check in report.checks
    ]
    driver = {"name": "sluice", "rules": rules}
    document = {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _location(finding: Diagnostic) -> dict[str, object]:
    region = {"region": {"startLine": finding.line}} if finding.line else {}
    return {"physicalLocation": {"artifactLocation": {"uri": finding.file}, **region}}


def _github(report: Report) -> str:
    """Return workflow commands, which GitHub shows beside the lines of a pull request."""
    commands = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
    lines = []
    for check, finding in _findings(report):
        fields = [f"title={_property(check.title)}"]
        if finding.file:
            fields.insert(0, f"file={_property(finding.file)}")
        if finding.line:
            fields.insert(1, f"line={finding.line}")
        lines.append(f"::{commands[finding.level]} {','.join(fields)}::{_escape(_whole(finding))}")
    return "\n".join(lines)


def _markdown(report: Report) -> str:
    lines = [f"## {report.title}", ""]
    if report.summary:
        lines += [report.summary, ""]
    if report.checks:
        lines += ["| check | result |", "| --- | --- |"]
        lines += [f"| {_cell(check.title)} | {_cell(_state(check))} |" for check in report.checks]
    for check in report.checks:
        if check.findings:
            lines += ["", f"### {check.title}", ""]
        for finding in check.findings:
            place = f"`{finding.place}` " if finding.place else ""
            lines.append(f"- {place}{finding.message}")
            if finding.detail:
                lines += ["", "  ```diff", *_indented(finding.detail), "  ```"]
    return "\n".join(lines)


_RENDERERS: Mapping[Format, Callable[[Report], str]] = {
    "text": _text,
    "json": _json,
    "junit": _junit,
    "sarif": _sarif,
    "github": _github,
    "markdown": _markdown,
}


def _findings(report: Report) -> Iterator[tuple[Check, Diagnostic]]:
    for check in report.checks:
        for finding in check.findings:
            yield check, finding


def _line(finding: Diagnostic) -> str:
    place = f"{finding.place}: " if finding.place else ""
    return f"{place}{_whole(finding)}"


def _whole(finding: Diagnostic) -> str:
    return f"{finding.message}\n{finding.detail}" if finding.detail else finding.message


def _printable(text: str) -> str:
    """Return `text` without control characters, which XML 1.0 can't hold, not even escaped."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t")


def _property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]
