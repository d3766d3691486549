"""Runner of tests and cases against mutants, many of them in one process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.assurance.mutation.suite import number_of
from extauth.errors import ConfigurationError
from extauth.rego.fault import OpaRefused, OpaTimeout
from extauth.rego.opa import sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.assurance.mutation.cases import Cases
    from extauth.assurance.mutation.module import Module
    from extauth.assurance.mutation.mutant import Mutant
    from extauth.assurance.mutation.suite import Suite
    from extauth.rego.fault import OpaFault
    from extauth.rego.opa import Opa
    from extauth.rego.outcome import TestOutcome

# A batch that takes this long is run again, one mutant at a time.
_BATCH_SECONDS = 120.0
_SECONDS = 30.0


class MutantRunner:
    """The files of one campaign in a directory of its own. Threads may share it.

    `test_seconds` is what one test may take before its mutant counts as noticed.
    """

    def __init__(self, suite: Suite, opa: Opa, cases: Cases, work: Path, root: Path) -> None:
        """Copy the policies and their data into `work`, so that nobody changes them meanwhile."""
        self._suite, self._opa, self._cases, self._work = suite, opa, cases, work
        self._root = root
        self.test_seconds = _SECONDS
        self._data = []
        for name in sources(root):
            target = work / "data" / name
            shutil.copytree(root / name, target, ignore=shutil.ignore_patterns("*.rego"))
            self._data.append(target)
        self._files: dict[Module, Path] = {}
        for module in suite.modules:
            file = work / "sources" / module.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(module.text, "utf-8")
            self._files[module] = file

    def paths(self, modules: Sequence[Module]) -> list[Path]:
        """Return the files to load for these modules: their copies and all data."""
        return [*(self._files[module] for module in modules), *self._data]

    def compile(self) -> None:
        """Raise ConfigurationError for what does not compile before anything is changed."""
        for fault in self._opa.check(self.paths(self._suite.modules)):
            raise self._wrong(fault)

    def refused(self, mutants: Sequence[Mutant]) -> frozenset[Mutant]:
        """Return the mutants that `opa check --strict` refuses; each of its stages takes a round.

        An import that a change leaves unused is not a reason: who makes that mistake drops it too.
        """
        originals = self._suite.sources()
        with self._directory() as name:
            folder = Path(name)
            files: dict[Path, Mutant] = {}
            for number, mutant in enumerate(mutants):
                package = [one for one in originals if one.package == mutant.module.package]
                for written in self._suite.write(mutant, number, package, folder):
                    files[written] = mutant
            refused: set[Mutant] = set()
            while faults := self._opa.check([folder, *self.paths(originals)]):
                for fault in faults:
                    file = fault.file
                    if file is None or file not in files:
                        raise self._wrong(fault)
                    if not fault.unused_import or not _blanked(file, fault.line or 1):
                        refused.add(files[file])
                for file, mutant in files.items():
                    if mutant in refused:
                        file.unlink(missing_ok=True)
        return frozenset(refused)

    def noticed(self, mutants: Sequence[Mutant], tests: Sequence[Module]) -> frozenset[Mutant]:
        """Return the mutants, all of one file, on which a test fails or loops."""
        if not tests:
            return frozenset()
        needed = self._suite.needed(tests)
        if self._suite.separable(mutants[0].module):
            found = self._together(mutants, needed)
            if found is not None:
                return found
        return frozenset(mutant for mutant in mutants if self._fails(mutant, needed))

    def noticed_by_a_case(self, mutant: Mutant) -> bool:
        """Return whether a decision case fails."""
        if not len(self._cases):
            return False
        with self._directory() as name:
            return self._cases.notice(self._changed(mutant, self._suite.sources(), Path(name)))

    def _together(
        self, mutants: Sequence[Mutant], needed: Sequence[Module]
    ) -> frozenset[Mutant] | None:
        """Test all in one process, or in two; None when they can only be tested one by one."""
        with self._directory() as name:
            folder = Path(name)
            files: dict[Path, Mutant] = {}
            copied: set[Module] = set()
            for number, mutant in enumerate(mutants):
                written = self._suite.write(mutant, number, needed, folder)
                files.update((file, mutant) for file in written)
                copied.update(written.values())
            shared = [module for module in needed if module not in copied]
            paths = [folder, *self.paths(shared)]
            try:
                return self._failing(mutants, paths)
            except OpaTimeout:
                return None
            except OpaRefused:
                unfit = self._unfit(files, paths)
            try:
                return self._failing(mutants, paths) | unfit
            except (OpaTimeout, OpaRefused):
                return None

    def _failing(self, mutants: Sequence[Mutant], paths: Sequence[Path]) -> frozenset[Mutant]:
        """Return those of which a test fails. Raises OpaError as `Opa.test` does."""
        tests = self._test(paths)
        return frozenset(mutants[number_of(test.package)] for test in tests if test.failed)

    def _test(self, paths: Sequence[Path]) -> tuple[TestOutcome, ...]:
        return self._opa.test(paths, test_seconds=self.test_seconds, seconds=_BATCH_SECONDS)

    def _unfit(self, files: Mapping[Path, Mutant], paths: Sequence[Path]) -> frozenset[Mutant]:
        """Return the mutants that compile by themselves and not with their tests.

        The tests so notice them. Their files are removed, so that the others compile.
        """
        faults = self._opa.check(paths, strict=False)
        blamed = {fault.file for fault in faults}
        unfit = {mutant for file, mutant in files.items() if file in blamed}
        for file, mutant in files.items():
            if mutant in unfit:
                file.unlink()
        return frozenset(unfit)

    def _fails(self, mutant: Mutant, needed: Sequence[Module]) -> bool:
        with self._directory() as name:
            paths = self._changed(mutant, needed, Path(name))
            try:
                return any(test.failed for test in self._test(paths))
            except (OpaTimeout, OpaRefused):
                # It loops, or compiles by itself and not with its tests: they notice it.
                return True

    def _changed(self, mutant: Mutant, needed: Sequence[Module], folder: Path) -> list[Path]:
        file = folder / "mutant.rego"
        file.write_text(mutant.text, "utf-8")
        return [file, *self.paths([module for module in needed if module is not mutant.module])]

    def _wrong(self, fault: OpaFault) -> ConfigurationError:
        """Return a fault of the original as an error at its place there."""
        for module, file in self._files.items():
            if file == fault.file:
                place = self._root / module.file
                return ConfigurationError(fault.message, file=place, line=fault.line)
        return ConfigurationError(f"can't be compiled: {fault.message}", file=self._root)

    def _directory(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(dir=self._work)


def _blanked(file: Path, line: int) -> bool:
    """Make the line empty, and return whether it was not."""
    lines = file.read_text("utf-8").split("\n")
    before, lines[line - 1] = lines[line - 1], ""
    file.write_text("\n".join(lines), "utf-8")
    return bool(before)
