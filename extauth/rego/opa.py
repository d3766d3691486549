"""OPA as a command: parse, check, format, inspect, test, evaluate, build, sign."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from extauth.errors import PolicyError
from extauth.rego.fault import OpaFault, OpaRefused, OpaTimeout, faults_of, words_of
from extauth.rego.outcome import CoverageReport, TestOutcome, traces_of
from extauth.rego.process import SECONDS, Done, run
from extauth.rego.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")

TESTS = "*_test.rego"

# A process of a second collects its garbage too often by itself: a fifth of its work.
_BRIEF = {"GOGC": "400"}
# One core means that others run beside it, each too short for its garbage to matter.
_ONE_CORE = {"GOMAXPROCS": "1", "GOGC": "off", "GOMEMLIMIT": "768MiB"}
# OPA reads its files before the time of an evaluation begins to count.
_GRACE = 10.0
_PASSED, _FAILED = frozenset({0}), frozenset({0, 2})


def sources(root: Path) -> list[str]:
    """Return the directories of `root` that OPA loads, by name: rules and data, not cases."""
    return [name for name in ("gateway", "data") if (root / name).is_dir()]


@dataclass(frozen=True, slots=True)
class Opa:
    """The OPA binary. Every call is a process of its own, and any number of threads may share one.

    `one_core` is for callers that run as many processes at once as there are cores.

    Every method raises StackError when the binary can't be run or is interrupted, OpaTimeout when
    it takes more than `seconds`, and OpaRefused with OPA's faults when it fails. `cwd` is the
    directory to run in, this process's by default; the paths that are passed are relative to it.
    """

    path: Path
    one_core: bool = False

    def parse(self, file: Path | str, *, cwd: Path | None = None, seconds: float = SECONDS) -> Node:
        """Return the syntax tree of a file, with the place of every node and without comments."""
        options = ("--format", "json", "--json-include", "locations,-comments")
        return _decoded(self._run("parse", *options, str(file), cwd=cwd, seconds=seconds), Node)

    def check(
        self,
        files: Iterable[Path | str],
        *,
        cwd: Path | None = None,
        strict: bool = True,
        schemas: Path | None = None,
        seconds: float = SECONDS,
    ) -> tuple[OpaFault, ...]:
        """Return every fault that the compiler finds, as far as it gets; none when all is well.

        `strict` adds what OPA only advises against, `schemas` the types of input and data.
        """
        options = ["--format", "json", "--max-errors", "0"]
        options += ["--strict"] if strict else []
        options += ["--schema", str(schemas)] if schemas else []
        try:
            self._run("check", *options, *map(str, files), cwd=cwd, seconds=seconds)
        except OpaRefused as error:
            return error.faults
        return ()

    def unformatted(self, directory: str, *, cwd: Path, seconds: float = SECONDS) -> list[str]:
        """Return the names of the files in `directory` that `opa fmt` would change, sorted."""
        done = self._run("fmt", "--list", directory, cwd=cwd, seconds=seconds)
        return sorted(name for name in done.out.split("\n") if name)

    def format(self, file: Path, *, seconds: float = SECONDS) -> str:
        """Return the text of a file as `opa fmt` writes it."""
        return self._run("fmt", str(file.absolute()), seconds=seconds).out

    def inspect(self, directory: str, *, cwd: Path, seconds: float = SECONDS) -> dict[str, Any]:
        """Return the namespaces and annotations of the Rego in `directory`."""
        options = ("--annotations", "--format", "json")
        done = self._run("inspect", *options, directory, cwd=cwd, seconds=seconds)
        return _decoded(done, dict[str, Any])

    def test(
        self,
        files: Iterable[Path | str],
        *,
        test_seconds: float,
        cwd: Path | None = None,
        only: str | None = None,
        seconds: float = SECONDS,
    ) -> tuple[TestOutcome, ...]:
        """Run the unit tests whose full names match the regular expression `only`, or all.

        A test may take `test_seconds`, all of them together `seconds`. Raises OpaRefused when
        nothing ran.
        """
        options = ("--format", "json", *self._testing(test_seconds, only))
        done = self._run(
            "test", *options, *map(str, files), cwd=cwd, accepted=_FAILED, seconds=seconds
        )
        return _decoded(done, tuple[TestOutcome, ...])

    def coverage(
        self,
        files: Iterable[Path | str],
        *,
        test_seconds: float,
        cwd: Path | None = None,
        seconds: float = SECONDS,
    ) -> CoverageReport:
        """Run all unit tests, and return the lines that they reach. See `test`.

        Raises OpaRefused also when a test fails: then OPA reports no lines.
        """
        options = ("--format", "json", "--coverage", *self._testing(test_seconds, None))
        done = self._run("test", *options, *map(str, files), cwd=cwd, seconds=seconds)
        return _decoded(done, CoverageReport)

    def traces(
        self,
        files: Iterable[Path | str],
        names: Iterable[str],
        *,
        test_seconds: float,
        cwd: Path | None = None,
        seconds: float = SECONDS,
    ) -> Mapping[str, str]:
        """Run the unit tests called `names` again, and return where and why each of them failed.

        See `traces_of`. Tracing is slow.
        """
        chosen = rf"^data\.({'|'.join(re.escape(name) for name in names)})$"
        options = ("--var-values", *self._testing(test_seconds, chosen))
        done = self._run(
            "test", *options, *map(str, files), cwd=cwd, accepted=_FAILED, seconds=seconds
        )
        return traces_of(done.out)

    def evaluate(
        self,
        query: str,
        data: Iterable[Path],
        *,
        document: bytes = b"",
        cwd: Path | None = None,
        seconds: float = SECONDS,
    ) -> Any:
        """Return the value of a query over everything in `data`, None when it is undefined.

        `document` is the input. The evaluation alone may take `seconds`. Raises OpaRefused for
        what doesn't compile, PolicyError for what fails while it is evaluated.
        """
        options = ["--format", "json", "--timeout", f"{seconds:g}s"]
        options += [option for path in data for option in ("--data", str(path))]
        options += ["--stdin-input"] if document else []
        try:
            done = self._run(
                "eval", *options, query, cwd=cwd, given=document.decode(), seconds=seconds + _GRACE
            )
        except OpaRefused as error:
            if any(fault.cancelled for fault in error.faults):
                raise OpaTimeout("eval", seconds) from None
            if any(fault.refused for fault in error.faults):
                raise
            raise PolicyError(f"the evaluation failed: {error.message}") from None
        rows = _decoded(done, dict[str, Any]).get("result") or [{}]
        expressions = rows[0].get("expressions") or [{}]
        return expressions[0].get("value")

    def build(
        self,
        files: Iterable[Path | str],
        output: Path,
        *,
        cwd: Path,
        revision: str,
        entrypoints: Iterable[str] = (),
    ) -> None:
        """Write a bundle of `files`, tests aside; with `entrypoints`, one that is compiled to Wasm.

        A bundle remembers the paths that it was built from, which are relative to `cwd`.
        """
        options = ["--ignore", TESTS, "--revision", revision, "--output", str(output)]
        entries = [option for entry in entrypoints for option in ("--entrypoint", entry)]
        options += ["--target", "wasm", *entries] if entries else []
        self._run("build", *options, *map(str, files), cwd=cwd)

    def sign(self, bundle: str, *, key: Path, algorithm: str, cwd: Path, seconds: float) -> None:
        """Write `.signatures.json` for the bundle of this name into `cwd`."""
        keys = ("--signing-key", str(key), "--signing-alg", algorithm)
        rest = ("--bundle", bundle, "--output-file-path", ".")
        self._seal("sign", *keys, *rest, cwd=cwd, seconds=seconds)

    def verify(self, bundle: str, *, key: Path, algorithm: str, cwd: Path, seconds: float) -> None:
        """Raise OpaRefused unless the owner of `key` signed the bundle of this name in `cwd`."""
        keys = ("--verification-key", str(key), "--signing-alg", algorithm)
        rest = ("--bundle", bundle, "--output", "verified.tar.gz")
        self._seal("build", *keys, *rest, cwd=cwd, seconds=seconds)

    def _testing(self, test_seconds: float, only: str | None) -> list[str]:
        options = ["--timeout", f"{test_seconds:.3f}s"]
        options += ["--parallel", "1"] if self.one_core else []
        return options + (["--run", only] if only is not None else [])

    def _seal(self, *arguments: str, cwd: Path, seconds: float) -> None:
        done = self._done(*arguments, cwd=cwd, seconds=seconds)
        if done.status != 0:
            # The files that it names are the bundle's, which lies in a temporary directory.
            raise OpaRefused((OpaFault(words_of(done)),))

    def _run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        given: str = "",
        accepted: frozenset[int] = _PASSED,
        seconds: float = SECONDS,
    ) -> Done:
        done = self._done(*arguments, cwd=cwd, given=given, seconds=seconds)
        if done.status not in accepted:
            raise OpaRefused(faults_of(done, cwd or Path()))
        return done

    def _done(
        self, *arguments: str, cwd: Path | None = None, given: str = "", seconds: float = SECONDS
    ) -> Done:
        environment = _ONE_CORE if self.one_core else _BRIEF
        done = run(
            self.path, *arguments, cwd=cwd, given=given, environment=environment, seconds=seconds
        )
        if done.late:
            raise OpaTimeout(arguments[0], seconds)
        return done


def _decoded(done: Done, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(done.out, type=kind)
    except msgspec.MsgspecError:
        raise OpaRefused((OpaFault(words_of(done)),)) from None
