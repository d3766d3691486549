"""Thresholds that fail a build: `new_denies > 0.1%`."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.findings import Check, Diagnostic
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.assurance.replay.figures import Figures

COUNTS = (
    "new_denies",
    "new_allows",
    "changed_rules",
    "changed_obligations",
    "changed_routes",
    "new_429s",
    "errors",
)
CHANGES = ("cost_change", "tokens_change")
KNOWN = (*COUNTS, *CHANGES)

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_EXPRESSION = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")


class FailThreshold(msgspec.Struct, frozen=True):
    """A condition that fails the build. A percentage of a count is of the compared requests.

    `cost_change` and `tokens_change` are the candidate's less the base's, in the currency and in
    tokens; as a percentage, of the base's.
    """

    text: str
    figure: str
    comparison: str
    bound: float
    percent: bool

    @classmethod
    def parse(cls, text: str) -> FailThreshold:
        """Read an expression. Raises ConfigurationError that names what is known."""
        match = _EXPRESSION.fullmatch(text)
        if match is None or match[1] not in KNOWN:
            raise ConfigurationError(
                f"--fail-on {text!r}: expected a figure, one of > >= < <=, and a number or a "
                f"percentage, such as 'new_denies > 0.1%'; the figures are {', '.join(KNOWN)}"
            )
        return cls(" ".join(text.split()), match[1], match[2], float(match[3]), match[4] == "%")

    def check(self, figures: Figures) -> Check:
        """Return a check that fails when the condition holds for the figures."""
        value = self._value(figures)
        findings: tuple[Diagnostic, ...] = ()
        if _OPERATORS[self.comparison](value, self.bound):
            unit = "%" if self.percent else ""
            findings = (Diagnostic(f"{self.figure} is {value:.6g}{unit}: fail on {self.text}"),)
        return Check(f"replay.{self.figure}", f"not {self.text}", findings=findings)

    def _value(self, figures: Figures) -> float:
        if self.figure in COUNTS:
            count: int = getattr(figures, self.figure).count
            return _share(count, figures.compared) if self.percent else count
        cost = self.figure == "cost_change"
        before = figures.before.cost if cost else figures.before.tokens
        after = figures.after.cost if cost else figures.after.tokens
        return _share(after - before, before) if self.percent else after - before


def _share(part: float, whole: float) -> float:
    if whole:
        return 100 * part / whole
    return float("inf") if part > 0 else 0.0
