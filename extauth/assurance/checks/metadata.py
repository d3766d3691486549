"""METADATA and tests: required of every package, and of both entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extauth.assurance.checks.place import findings, told
from extauth.assurance.findings import Check, Diagnostic
from extauth.compiler.policies import ENTRYPOINTS
from extauth.rego.fault import OpaError
from extauth.rego.opa import Opa
from extauth.rego.tree import ground_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS = 30.0
_TEST = "_test.rego"


def check_metadata(opa: Path, root: Path) -> Check:
    """Check that packages have a title, a description and a test, and both entry points exist."""
    try:
        found = tuple(_missing(Opa(opa).inspect("gateway", cwd=root, seconds=_SECONDS), root))
    except OpaError as error:
        found = findings(error)
    return Check("metadata", "Metadata and tests", findings=found)


def _missing(inspected: dict[str, Any], root: Path) -> Iterator[Diagnostic]:
    packages, marked = {}, set()
    for one in inspected.get("annotations") or ():
        path = ".".join(ground_prefix(one["path"]))
        said = one["annotations"]
        if said.get("scope") in {"package", "subpackages"}:
            packages[path] = said
        if said.get("entrypoint"):
            marked.add(path)
    namespaces = inspected.get("namespaces") or {}
    for package, files in sorted(namespaces.items()):
        rules = sorted(file for file in files if not file.endswith(_TEST))
        if not rules:
            continue
        name = package.removeprefix("data.")
        file = root / rules[0]
        line = line_of(file, "package ")
        lacking = [
            key for key in ("title", "description") if not packages.get(package, {}).get(key)
        ]
        if lacking:
            yield Diagnostic(
                f"package {name} has no METADATA {' and '.join(lacking)}",
                file=told(file),
                line=line,
            )
        if not any(file.endswith(_TEST) for file in namespaces.get(f"{package}_test", ())):
            yield Diagnostic(
                f"package {name} has no test in {rules[0][:-5]}{_TEST}", file=told(file), line=line
            )
    for entry in ENTRYPOINTS:
        path = f"data.{entry.replace('/', '.')}"
        package = path.rpartition(".")[0]
        if package not in namespaces:
            yield Diagnostic(f"there is no entry point {path}", file=told(root / "gateway"))
        elif path not in marked:
            file = root / min(namespaces[package])
            yield Diagnostic(
                f"the METADATA of {path} doesn't say `entrypoint: true`",
                file=told(file),
                line=line_of(file, "default decision", "decision", "package "),
            )


def line_of(file: Path, *beginnings: str) -> int:
    """Return the first line that begins with one of these texts, the first text first; else 1."""
    lines = file.read_text("utf-8", "replace").splitlines()
    return next(
        (
            number
            for beginning in beginnings
            for number, line in enumerate(lines, 1)
            if line.startswith(beginning)
        ),
        1,
    )
