"""The decision cases, asked of a changed policy through `opa eval`, all in one process."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import PolicyError
from extauth.policy import Entrypoint
from extauth.policy.cases import check, load_cases
from extauth.policy.engine import decided, undefined
from extauth.rego.fault import OpaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth.obligations import Decision
    from extauth.policy.cases import Case
    from extauth.rego.opa import Opa
    from extauth.types import Facts

_DATA = "decision_cases"
_PATIENCE = 20
_LEAST, _FIRST = 2.0, 60.0


class Cases:
    """The cases of a repository. Threads may share it once `failures` was called."""

    def __init__(self, directory: Path, models: Mapping[str, object], opa: Opa, work: Path) -> None:
        """Load the cases, if there are any; `models` is what policies know of the models.

        Raises ConfigurationError with file and line.
        """
        self._cases = load_cases(directory) if directory.is_dir() else ()
        self._opa = opa
        self._limit = _FIRST
        self._facts = work / "cases.json"
        facts = {str(number): case.facts for number, case in enumerate(self._cases)}
        data = {_DATA: facts, "catalog": {"models": models}}
        self._facts.write_bytes(msgspec.json.encode(data))
        asked = {case.entrypoint for case in self._cases}
        self._query = " ".join(_query(entrypoint, self._cases) for entrypoint in sorted(asked))

    def __len__(self) -> int:
        return len(self._cases)

    def failures(self, paths: Sequence[Path]) -> tuple[str, ...]:
        """Return what differs from the expectations, in words, with the policies as they are.

        Measures how long a run may take from now on.
        """
        if not self._cases:
            return ()
        begun = time.monotonic()
        answers = self._ask(paths)
        self._limit = max(_LEAST, _PATIENCE * (time.monotonic() - begun))
        return tuple(asyncio.run(_differences(self._cases, answers, first=False)))

    def notice(self, paths: Sequence[Path]) -> bool:
        """Return whether a case fails with these files; a case that takes too long fails."""
        if not self._cases:
            return False
        return bool(asyncio.run(_differences(self._cases, self._ask(paths), first=True)))

    def _ask(self, paths: Sequence[Path]) -> Mapping[str, Any]:
        query = f"object.union_n([{self._query}])"
        try:
            answers = self._opa.evaluate(query, [*paths, self._facts], seconds=self._limit)
        except (OpaError, PolicyError):
            answers = None  # No case is decided then.
        found: Mapping[str, Any] = answers if isinstance(answers, dict) else {}
        return found


class _Answer:
    """An engine that has decided already, on one case."""

    name = "answer"

    def __init__(self, raw: object) -> None:
        self._raw = raw

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """See PolicyEngine."""
        del facts
        if self._raw is None:
            raise undefined(entrypoint)
        return decided(entrypoint, self._raw)

    async def close(self) -> None:
        """Do nothing: there is nothing to free."""


async def _differences(
    cases: Sequence[Case], answers: Mapping[str, Any], *, first: bool
) -> list[str]:
    found = []
    for number, case in enumerate(cases):
        told = await check(case, _Answer(answers.get(str(number))))
        found += [f"{case.place}: {case.name}: {difference}" for difference in told]
        if found and first:
            break
    return found


def _query(entrypoint: Entrypoint, cases: Sequence[Case]) -> str:
    numbers = [str(number) for number, case in enumerate(cases) if case.entrypoint is entrypoint]
    listed = msgspec.json.encode(numbers).decode()
    rule = f"data.{entrypoint.value.replace('/', '.')}"
    return (
        # Facts in a variable of their own: with an unfinished reference as the input, OPA 1.19
        # leaves some rules undefined.
        f"{{number: told | some number in {listed}; facts := data.{_DATA}[number]; "
        f"told := {rule} with input as facts}},"
    )
