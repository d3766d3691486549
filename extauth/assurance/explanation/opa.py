"""OPA as a command: what it says of a module, and what it finds when it evaluates."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extauth.errors import PolicyError, StackError
from extauth.rego.process import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_GRACE = 10.0


class TooSlow(Exception):
    """An evaluation took longer than it may. Stays within this package."""


class Refused(Exception):
    """OPA refuses to compile; `errors` are its own. Stays within this package."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("OPA refuses to compile")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Opa:
    """The binary, and the seconds that one evaluation may take."""

    path: Path
    seconds: float

    def parse(self, sources: Path, modules: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The syntax tree of each module, with locations."""
        names = tuple(modules)
        with ThreadPoolExecutor(4) as pool:
            trees = pool.map(lambda name: self._tree(sources, name), names)
            return dict(zip(names, trees, strict=True))

    def evaluate(self, directories: Sequence[Path], query: str, document: bytes) -> Any:
        """The value of a query over everything in these directories, None when it is undefined.

        Raises TooSlow, Refused, and PolicyError for what fails while it is evaluated.
        """
        data = [item for directory in directories for item in ("--data", str(directory))]
        done = self._run(
            directories[0],
            "eval", "--format", "json", "--stdin-input", "--timeout", f"{self.seconds:g}s",
            *data, query,
            given=document,
        )  # fmt: skip
        try:
            answer = json.loads(done)
        except ValueError:
            raise StackError(f"{self.path} gave no JSON") from None
        errors = answer.get("errors")
        if errors:
            raise _fault(errors)
        rows = answer.get("result") or [{}]
        expressions = rows[0].get("expressions") or [{}]
        return expressions[0].get("value")

    def _tree(self, sources: Path, module: str) -> dict[str, Any]:
        text = self._run(
            sources, "parse", "--format", "json", "--json-include", "locations", module
        )
        try:
            tree: dict[str, Any] = json.loads(text)
        except ValueError:
            raise StackError(f"{self.path} can't parse {module}") from None
        return tree

    def _run(self, directory: Path, *arguments: str, given: bytes = b"") -> str:
        done = run(
            self.path, *arguments,
            cwd=directory, given=given.decode(), seconds=self.seconds + _GRACE,
        )  # fmt: skip
        if done.late:
            raise TooSlow
        return done.out


def _fault(errors: list[dict[str, Any]]) -> Exception:
    codes = {error.get("code", "") for error in errors}
    if "eval_cancel_error" in codes:
        return TooSlow()
    if any(code.startswith("rego_") for code in codes):
        return Refused(errors)
    first = errors[0]
    location = first.get("location") or {}
    place = f"{location['file']}:{location['row']}: " if location.get("file") else ""
    return PolicyError(f"the decision failed: {place}{first.get('message', 'no reason given')}")
