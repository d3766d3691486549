"""A campaign: all mutants of a repository made, compiled, tested and reported."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.assurance.mutation.cases import Cases
from extauth.assurance.mutation.equivalents import read_expected
from extauth.assurance.mutation.module import parse
from extauth.assurance.mutation.operators import mutants as mutants_of
from extauth.assurance.mutation.report import CampaignOutcome, broken, report
from extauth.assurance.mutation.runner import MutantRunner
from extauth.assurance.mutation.suite import Suite
from extauth.errors import ConfigurationError
from extauth.rego.fault import OpaTimeout
from extauth.rego.opa import Opa, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from extauth.assurance.findings import Report
    from extauth.assurance.mutation.module import Module
    from extauth.assurance.mutation.mutant import Mutant
    from extauth.compiler.repository import Repository
    from extauth.rego.tree import Node

_BATCH = 32
# How much longer than the slowest test of the original a test may take on a mutant.
_PATIENCE, _LEAST_SECONDS = 20, 1.0
_BASELINE_SECONDS = 120.0
_NANO = 1e-9


def mutate(
    repository: Repository, opa: Path, progress: Callable[[int, int], None] = lambda *_: None
) -> Report:
    """Change every rule of the repository, one small step at a time, and run its tests on each.

    First the unit tests beside a rule, then all others that read it, then the decision cases; a
    test that takes far too long has noticed. Uses all cores. `progress` is called from the
    calling thread with how many mutants are decided, and how many there are.

    Raises ConfigurationError for Rego, cases or a list of equivalents that can't be read,
    StackError when OPA can't be run.
    """
    begun = time.monotonic()
    root = repository.root
    expected, lines = read_expected(root)
    with (
        tempfile.TemporaryDirectory(prefix="sluice-") as name,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        work = Path(name)
        command = Opa(opa, one_core=True)
        try:
            suite = Suite.of(_modules(root, command, work, pool))
            cases = Cases(root / "cases", repository.catalog, command, work)
            runner = MutantRunner(suite, command, cases, work, root)
            failures = _failures(runner, suite, command, cases)
            if failures:
                return broken(failures, time.monotonic() - begun)
            outcome = _Campaign(runner, suite, pool, progress).run(begun)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return report(outcome, expected, lines, root)


class _Campaign:
    def __init__(
        self,
        runner: MutantRunner,
        suite: Suite,
        pool: ThreadPoolExecutor,
        progress: Callable[[int, int], None],
    ) -> None:
        self._runner, self._suite, self._pool, self._progress = runner, suite, pool, progress
        self._total = self._decided = 0

    def run(self, begun: float) -> CampaignOutcome:
        """Run all stages; each has fewer mutants and dearer tests than the one before."""
        made = [mutant for module in self._suite.sources() for mutant in mutants_of(module)]
        refused = self._refused(made)
        left = [mutant for mutant in made if mutant not in refused]
        self._total = len(left)
        for tests in (self._suite.nearest, self._suite.others):
            left = self._tested(left, tests)
        left = self._asked(left)
        survived = set(left)
        return CampaignOutcome(
            killed=tuple(one for one in made if one not in survived and one not in refused),
            survived=tuple(left),
            refused=tuple(one for one in made if one in refused),
            seconds=time.monotonic() - begun,
        )

    def _refused(self, made: Sequence[Mutant]) -> frozenset[Mutant]:
        share = -(-len(made) // (os.cpu_count() or 1)) or 1
        parts = [made[start : start + share] for start in range(0, len(made), share)]
        return frozenset().union(*self._pool.map(self._runner.refused, parts))

    def _tested(
        self, left: Sequence[Mutant], tests: Callable[[Module], tuple[Module, ...]]
    ) -> list[Mutant]:
        running = [
            self._pool.submit(self._runner.noticed, batch, tests(batch[0].module))
            for batch in _batches(left)
        ]
        killed: set[Mutant] = set()
        for done in as_completed(running):
            killed |= done.result()
            self._tell(len(done.result()))
        return [mutant for mutant in left if mutant not in killed]

    def _asked(self, left: Sequence[Mutant]) -> list[Mutant]:
        running = {
            self._pool.submit(self._runner.noticed_by_a_case, mutant): mutant for mutant in left
        }
        killed = set()
        for done in as_completed(running):
            if done.result():
                killed.add(running[done])
            self._tell(1)
        return [mutant for mutant in left if mutant not in killed]

    def _tell(self, decided: int) -> None:
        self._decided += decided
        self._progress(self._decided, self._total)


def _modules(root: Path, opa: Opa, work: Path, pool: ThreadPoolExecutor) -> list[Module]:
    files = [file for name in sources(root) for file in sorted((root / name).rglob("*.rego"))]

    def read(file: Path) -> Module:
        def tree(text: str) -> Node:
            if text == original:
                return opa.parse(file)
            with tempfile.NamedTemporaryFile("w", dir=work, suffix=".rego") as other:
                other.write(text)
                other.flush()
                return opa.parse(Path(other.name))

        original = _text(file)
        return parse(file.relative_to(root).as_posix(), original, tree)

    return list(pool.map(read, files))


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError:
        raise ConfigurationError("is not UTF-8", file=file) from None


def _failures(runner: MutantRunner, suite: Suite, opa: Opa, cases: Cases) -> tuple[str, ...]:
    """Return what fails in the original, and set the time limits by how long its tests take."""
    runner.compile()
    try:
        tests = opa.test(
            runner.paths(suite.modules), test_seconds=runner.test_seconds, seconds=_BASELINE_SECONDS
        )
    except OpaTimeout:
        return (f"the unit tests take more than {_BASELINE_SECONDS:g} s",)
    failed = tuple(f"{test.package}.{test.name}" for test in tests if test.failed)
    slowest = max((test.duration for test in tests), default=0) * _NANO
    runner.test_seconds = max(_LEAST_SECONDS, _PATIENCE * slowest)
    return failed or cases.failures(runner.paths(suite.sources()))


def _batches(mutants: Iterable[Mutant]) -> list[list[Mutant]]:
    """Return the mutants in batches of at most `_BATCH`, each of one file."""
    batches: list[list[Mutant]] = []
    for mutant in mutants:
        last = batches[-1] if batches else []
        if last and len(last) < _BATCH and last[0].module is mutant.module:
            last.append(mutant)
        else:
            batches.append([mutant])
    return batches
