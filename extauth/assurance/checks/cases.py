"""Decision cases, asked of both engines, which must decide alike."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.blame import blame
from extauth.assurance.checks.difference import difference, unequal
from extauth.assurance.checks.place import findings, told
from extauth.assurance.findings import Check, Diagnostic
from extauth.errors import ConfigurationError, GatewayError, PolicyUnavailable
from extauth.policy import WasmEngine
from extauth.policy.cases import Case, differences, load_cases

# Not in the threads of the checks: `requests` sets a filter of warnings when it is imported, and
# a thread that leaves `catch_warnings` meanwhile takes that filter away.
from extauth.policy.opa_server import OpaServerEngine
from extauth.rego.server import serve

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from extauth.compiler.repository import Repository
    from extauth.obligations import Decision
    from extauth.policy import PolicyEngine

CASE_SECONDS = 2.0
"""The most that one decision may take here. A gateway allows it less."""

BUNDLE, MODULE, DATA = "policy/bundle.tar.gz", "policy/policy.wasm", "policy/data.json"


class CaseFailure(msgspec.Struct, frozen=True):
    """A case that was not decided as expected. `diff` shows what differs."""

    case: Case
    message: str
    diff: str = ""


class CaseResults(msgspec.Struct, frozen=True):
    """Results of the cases. `asked` counts each case once, whatever the number of engines.

    `unequal` are the cases on which the engines disagree. `late` is the decision that took too
    long: nothing was asked after it, and `unasked` cases remain.
    """

    asked: int = 0
    failed: tuple[CaseFailure, ...] = ()
    unequal: tuple[CaseFailure, ...] = ()
    late: Diagnostic | None = None
    unasked: int = 0
    faults: tuple[Diagnostic, ...] = ()

    @property
    def green(self) -> bool:
        """True if every engine decided every case as expected."""
        return not (self.failed or self.unequal or self.late or self.faults)


def read_cases(
    repository: Repository, only: re.Pattern[str] | None = None
) -> tuple[tuple[Case, ...], tuple[Diagnostic, ...]]:
    """Read the cases whose names `only` finds; return them and the faults of their files."""
    directory = repository.root / "cases"
    if not directory.is_dir():
        return (), ()
    try:
        cases = load_cases(directory)
    except ConfigurationError as error:
        return (), findings(error)
    return tuple(case for case in cases if only is None or only.search(case.name)), ()


def run_cases(
    opa: Path,
    built: Mapping[str, bytes],
    cases: Sequence[Case],
    *,
    wasm: bool = True,
    server: bool = True,
    seconds: float = CASE_SECONDS,
) -> CaseResults:
    """Decide the cases with the policies in `built`, by the Wasm engine, an OPA server, or both.

    `built` is what `Repository.build` gives. A decision may take `seconds`. Runs an event loop
    of its own. Raises ConfigurationError when Wasm can't load the policies, StackError when OPA
    can't be run.
    """
    if not cases:
        return CaseResults()
    with _unpacked(built) as directory:
        if not server:
            return asyncio.run(_ask(directory, None, cases, wasm, seconds))
        with serve(opa, directory / "bundle.tar.gz") as url:
            return asyncio.run(_ask(directory, url, cases, wasm, seconds))


def check_cases(repository: Repository, cases: CaseResults) -> tuple[Check, Check]:
    """Return the checks of decision cases and of the engines' parity."""
    found = [*cases.faults, *(_failed(one) for one in cases.failed)]
    if cases.late:
        found.append(cases.late)
    if cases.unasked:
        found.append(Diagnostic(f"{cases.unasked} more cases were not asked"))
    if not found and not cases.asked:
        found.append(
            Diagnostic("there are no decision cases", file=told(repository.root / "cases"))
        )
    return (
        Check("cases", "Decision cases", findings=tuple(found)),
        Check("parity", "Both engines", findings=tuple(_failed(one) for one in cases.unequal)),
    )


def _failed(failure: CaseFailure) -> Diagnostic:
    file, _, line = failure.case.place.rpartition(":")
    return Diagnostic(
        f"{failure.case.name}: {failure.message}",
        file=told(file),
        line=int(line),
        detail=failure.diff or None,
    )


async def _ask(
    directory: Path, url: str | None, cases: Sequence[Case], wasm: bool, seconds: float
) -> CaseResults:
    failed: list[CaseFailure] = []
    parity: list[CaseFailure] = []
    async with AsyncExitStack() as stack:
        engines: list[PolicyEngine] = []
        if wasm:
            engines.append(WasmEngine(directory, seconds))
            stack.push_async_callback(engines[-1].close)
        if url is not None:
            engines.append(OpaServerEngine(url, seconds, None))
            stack.push_async_callback(engines[-1].close)
        for number, case in enumerate(cases):
            decided: list[Decision | str] = []
            async for answer in _answers(case, engines):
                if isinstance(answer, PolicyUnavailable):
                    late = await _late(case, answer, url, seconds)
                    return CaseResults(
                        asked=number,
                        failed=tuple(failed),
                        unequal=tuple(parity),
                        late=late,
                        unasked=len(cases) - number - 1,
                    )
                decided.append(answer)
            if (failure := _judged(case, decided[0])) is not None:
                failed.append(failure)
            if (other := _parity(case, decided, engines)) is not None:
                parity.append(other)
    return CaseResults(asked=len(cases), failed=tuple(failed), unequal=tuple(parity))


async def _answers(
    case: Case, engines: Sequence[PolicyEngine]
) -> AsyncIterator[Decision | str | PolicyUnavailable]:
    for engine in engines:
        try:
            yield await engine.decide(case.entrypoint, case.facts)
        except PolicyUnavailable as error:
            yield error
        except GatewayError as error:
            yield error.message


def _judged(case: Case, decided: Decision | str) -> CaseFailure | None:
    if isinstance(decided, str):
        return CaseFailure(case, decided)
    words = tuple(differences(case.expect, decided))
    return CaseFailure(case, words[0], difference(case.expect, decided)) if words else None


def _parity(
    case: Case, decided: Sequence[Decision | str], engines: Sequence[PolicyEngine]
) -> CaseFailure | None:
    if len(decided) < 2 or decided[0] == decided[1]:
        return None
    left, right = decided
    if isinstance(left, str) and isinstance(right, str):
        return None  # Neither could decide, each in its own words.
    names = engines[0].name, engines[1].name
    if isinstance(left, str) or isinstance(right, str):
        told = "; ".join(
            f"{name}: {one}"
            for name, one in zip(names, decided, strict=True)
            if isinstance(one, str)
        )
        return CaseFailure(case, f"only one engine decides ({told})")
    return CaseFailure(case, "the engines decide differently", unequal(names, (left, right)))


async def _late(
    case: Case, error: PolicyUnavailable, url: str | None, seconds: float
) -> Diagnostic:
    file, _, line = case.place.rpartition(":")
    packages = () if url is None else await asyncio.to_thread(blame, url, case.facts, seconds)
    where = f" in package {', '.join(packages)}" if packages else ""
    return Diagnostic(
        f"{case.name}: {error.message}{where}: more than {seconds:g} s",
        file=told(file),
        line=int(line),
    )


@contextmanager
def _unpacked(built: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        directory = Path(temporary)
        for name in (BUNDLE, MODULE, DATA):
            (directory / Path(name).name).write_bytes(built[name])
        yield directory
