"""Outcomes of `opa test`: each unit test, the lines that tests reach, the expressions that fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from extauth.rego.fault import CANCELLED, Location, ReportedFault

if TYPE_CHECKING:
    from collections.abc import Mapping

_RULE = re.compile(r"^-{20,}$", re.MULTILINE)
_HEAD = re.compile(r"^data\.(?P<name>\S+): FAIL \(\S+\)$", re.MULTILINE)


class TestOutcome(msgspec.Struct, frozen=True):
    """The outcome of a unit test.

    `package` begins with `data.`, `duration` is in nanoseconds, `output` is what the test printed.
    """

    __test__ = False  # pytest collects classes of this name

    package: str
    name: str
    location: Location = Location()
    fail: bool = False
    skip: bool = False
    error: ReportedFault | None = None
    duration: int = 0
    output: bytes = b""

    @property
    def passed(self) -> bool:
        """True if the test ran and neither failed, nor broke, nor ran out of time."""
        return not self.fail and not self.skip and self.error is None

    @property
    def failed(self) -> bool:
        """True if the test failed, broke or ran out of time."""
        return self.fail or self.error is not None

    @property
    def late(self) -> bool:
        """True if OPA ended the test because its time was up."""
        return self.error is not None and self.error.code == CANCELLED


class _Lines(msgspec.Struct, frozen=True):
    start: Location
    end: Location


class FileCoverage(msgspec.Struct, frozen=True):
    """The lines of a file that tests reach; `coverage` is in percent."""

    coverage: float = 0.0
    not_covered: tuple[_Lines, ...] = ()

    @property
    def missed(self) -> tuple[int, ...]:
        """The lines that no test reaches, ascending."""
        return tuple(
            sorted(
                {
                    line
                    for lines in self.not_covered
                    for line in range(lines.start.row, lines.end.row + 1)
                }
            )
        )


class CoverageReport(msgspec.Struct, frozen=True):
    """The coverage of all files, in percent, and of each by its name."""

    files: dict[str, FileCoverage]
    coverage: float = 0.0


def traces_of(output: str) -> Mapping[str, str]:
    """Return, by the test's full name, the failed expressions in what `--var-values` prints.

    Each comes with its place and the values of its variables, without what the test printed.
    """
    _, _, told = output.partition("\nFAILURES\n")
    heads = list(_HEAD.finditer(told))
    ends = [head.start() for head in heads[1:]] + [len(told)]
    return {
        head["name"]: _trace(told[head.end() : end]) for head, end in zip(heads, ends, strict=True)
    }


def _trace(text: str) -> str:
    """Return the first part of a test's text, without its indentation."""
    lines = _RULE.split(text)[0].strip("\n").splitlines()
    return "\n".join(line.removeprefix("  ").expandtabs(4).rstrip() for line in lines)
