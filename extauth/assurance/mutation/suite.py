"""The files of a repository by what they read: the tests of each, and copies that stand apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from extauth.assurance.mutation.module import Module
    from extauth.assurance.mutation.mutant import Mutant
    from extauth.rego.tree import Ref

_PREFIX = "mutants"


@dataclass(frozen=True, slots=True)
class Suite:
    """The files of a repository and what they read of one another.

    `unclear` are the packages that something reads by a name known only at evaluation.
    """

    modules: tuple[Module, ...]
    reads: Mapping[Ref, frozenset[Ref]]
    unclear: frozenset[Ref]

    @classmethod
    def of(cls, modules: Iterable[Module]) -> Suite:
        """Find out which package reads which."""
        modules = tuple(modules)
        packages = {module.package for module in modules}
        reads: defaultdict[Ref, set[Ref]] = defaultdict(set)
        unclear: set[Ref] = set()
        for module in modules:
            for reference in module.references:
                path = reference.path
                for package in packages:
                    if path[: len(package)] == package:
                        reads[module.package].add(package)
                    elif package[: len(path)] == path:
                        reads[module.package].add(package)
                        unclear.add(package)
        closed = {package: frozenset(_closure(package, reads)) for package in packages}
        return cls(modules, closed, frozenset(unclear))

    def nearest(self, module: Module) -> tuple[Module, ...]:
        """Return the tests beside a file, which notice most of its changes."""
        folder = module.file.rpartition("/")[0]
        return tuple(test for test in self._tests(module) if test.file.rpartition("/")[0] == folder)

    def others(self, module: Module) -> tuple[Module, ...]:
        """Return all other tests that read the file's package, at whatever remove."""
        near = self.nearest(module)
        return tuple(test for test in self._tests(module) if test not in near)

    def separable(self, module: Module) -> bool:
        """Return whether copies of the module under other names can stand beside one another."""
        around = {module.package, *self._readers(module.package)}
        return not around & self.unclear

    def sources(self) -> tuple[Module, ...]:
        """Return every file without tests."""
        return tuple(module for module in self.modules if not module.is_test)

    def needed(self, tests: Sequence[Module]) -> tuple[Module, ...]:
        """Return the files that these tests read, and the tests themselves."""
        packages = {package for test in tests for package in self.reads[test.package]}
        packages |= {test.package for test in tests}
        return tuple(
            module
            for module in self.modules
            if (module.package in packages and not module.is_test)
            or module in tests
            # Examples that tests share are in a file of tests as well.
            or (module.is_test and self._is_read(module, packages))
        )

    def write(
        self, mutant: Mutant, number: int, needed: Sequence[Module], target: Path
    ) -> dict[Path, Module]:
        """Write the mutant, and all of `needed` that reads it, as packages of their own.

        They are under `mutants.m<number>`. Gives what was written, and of which module.
        """
        changed = mutant.module.package
        renamed = {changed, *self._readers(changed)}
        copied = tuple(module for module in needed if module.package in renamed)
        prefix = f"{_PREFIX}.m{number}"
        written = {}
        for place, module in enumerate(copied):
            file = target / f"m{number}_{place}.rego"
            file.write_text(_renamed(module, renamed, prefix, mutant), "utf-8")
            written[file] = module
        return written

    def _tests(self, module: Module) -> tuple[Module, ...]:
        readers = {module.package, *self._readers(module.package)}
        return tuple(test for test in self.modules if test.is_test and test.package in readers)

    def _readers(self, package: Ref) -> frozenset[Ref]:
        return frozenset(reader for reader, read in self.reads.items() if package in read)

    def _is_read(self, module: Module, packages: Iterable[Ref]) -> bool:
        return any(
            module.package in self.reads[package] and module.package != package
            for package in packages
        )


def number_of(package: str) -> int:
    """Return the number of the mutant that a test's package is of, by `Suite.write`'s names."""
    return int(package.removeprefix(f"data.{_PREFIX}.m").partition(".")[0])


def _closure(package: Ref, reads: Mapping[Ref, set[Ref]]) -> set[Ref]:
    found: set[Ref] = set()
    open_ = [package]
    while open_:
        for read in reads.get(open_.pop(), ()):
            if read not in found:
                found.add(read)
                open_.append(read)
    return found


def _renamed(module: Module, renamed: set[Ref], prefix: str, mutant: Mutant) -> str:
    """Return the module's text with its package and all references to `renamed` under `prefix`."""
    edits = [(module.at, module.at, f"{prefix}.")]
    edits += {
        (reference.at, reference.at, f".{prefix}")
        for reference in module.references
        if any(reference.path[: len(package)] == package for package in renamed)
    }
    if module is mutant.module:
        kept = [edit for edit in edits if not mutant.start < edit[0] < mutant.end]
        edits = [*kept, (mutant.start, mutant.end, mutant.replacement)]
    text = module.text
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text
