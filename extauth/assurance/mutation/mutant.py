"""A mutant: one small change of one file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.assurance.mutation.module import Module

_CONTEXT = 2


@dataclass(frozen=True, slots=True, eq=False)
class Mutant:
    """`module` with `replacement` from `start` to `end`; `operator` is the kind of change."""

    module: Module
    operator: str
    start: int
    end: int
    replacement: str

    @property
    def text(self) -> str:
        """The whole file after the change."""
        text = self.module.text
        return text[: self.start] + self.replacement + text[self.end :]

    @property
    def line(self) -> int:
        """The first line that changes, from 1."""
        return self.module.text.count("\n", 0, self.start) + 1

    @property
    def before(self) -> str:
        """The lines that change, on one line with single spaces."""
        first, last = self._lines()
        return folded(self.module.text[first:last])

    @property
    def after(self) -> str:
        """The lines after the change, on one line; empty when they are removed."""
        first, last = self._lines()
        text = self.module.text
        return folded(text[first : self.start] + self.replacement + text[self.end : last])

    def diff(self, file: str) -> str:
        """Return the change as a unified diff of `file`."""
        lines = difflib.unified_diff(
            self.module.text.splitlines(),
            self.text.splitlines(),
            f"a/{file}",
            f"b/{file}",
            n=_CONTEXT,
            lineterm="",
        )
        return "\n".join(lines)

    def _lines(self) -> tuple[int, int]:
        text = self.module.text
        whole = self.end > self.start and text[self.end - 1] == "\n"
        last = text.find("\n", self.end - 1 if whole else self.end)
        return text.rfind("\n", 0, self.start) + 1, len(text) if last < 0 else last


def folded(text: str) -> str:
    """Return `text` on one line, with single spaces."""
    return " ".join(text.split())
