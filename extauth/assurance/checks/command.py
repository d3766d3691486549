"""What OPA, Regal and their like are given, and what they say, as findings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extauth.assurance.checks.place import told
from extauth.assurance.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FAULT = re.compile(
    r"^(?:.*?: )??(?P<file>[^\s:]+\.(?:rego|ya?ml|json)):(?:(?P<line>\d+):)? (?P<text>.+)$",
    re.MULTILINE,
)
_YAML_LINE = re.compile(r"yaml: line (\d+)")


def sources(root: Path) -> list[str]:
    """What OPA loads of the policies in `root`, relative to it: rules and data, not cases."""
    return [name for name in ("gateway", "data") if (root / name).is_dir()]


def faults(output: str, root: Path) -> tuple[Finding, ...]:
    """The errors in what OPA wrote, each with the place that it names; one if it names none."""
    found = [
        Finding(match["text"], file=told(root / match["file"]), line=_line(match))
        for match in _FAULT.finditer(output)
    ]
    words = " ".join(output.removeprefix("error: ").split())[:500]
    return tuple(dict.fromkeys(found)) or (Finding(words or "OPA failed without a word"),)


def too_long(what: str, seconds: float, places: Sequence[str] = ()) -> Finding:
    """A command that was killed."""
    where = f" in {', '.join(places)}" if places else ""
    return Finding(f"{what} took more than {seconds:g} s{where}")


def _line(match: re.Match[str]) -> int | None:
    line = match["line"] or ((of_yaml := _YAML_LINE.search(match["text"])) and of_yaml[1])
    return int(line) if line else None
