"""The packages to blame for a policy that takes too long."""

from __future__ import annotations

import contextlib
import json
import time
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import StackError, Unreachable
from extauth.network.request import request
from extauth.rego.server import serve
from extauth.rego.tree import package_of, references

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.types import Facts

SLOW_SECONDS = 1.0
"""Time that a package by itself must take to be blamed: a busy machine is not a reason."""

# The limit is for each package alone: a busy machine may take longer to list them.
_LISTING_SECONDS = 20.0


def slow_packages(opa: Path, bundle: Path, facts: Facts) -> tuple[str, ...]:
    """Return the packages of a bundle that take more than SLOW_SECONDS on these facts.

    Serves the bundle for that. Empty where OPA can't be run. See `blame`.
    """
    with contextlib.suppress(StackError), serve(opa, bundle) as url:
        return blame(url, facts, SLOW_SECONDS)
    return ()


def blame(url: str, facts: Facts, seconds: float) -> tuple[str, ...]:
    """Return the packages of the OPA server at `url` that take more than `seconds` on these facts.

    A package that only waits for another is not among them; none are when each is fast by itself.
    """
    try:
        imports = _imports(
            json.loads(request(url, "/v1/policies", timeout=_LISTING_SECONDS).body)["result"]
        )
        order = tuple(TopologicalSorter(imports).static_order())
    except (Unreachable, ValueError, LookupError, TypeError):
        return ()
    document = msgspec.json.encode({"input": facts})
    slow: list[str] = []
    waiting: set[str] = set()
    for package in order:
        if imports.get(package, set()) & waiting:
            waiting.add(package)
        elif package in imports and _late(url, package, document, seconds):
            slow.append(package)
            waiting.add(package)
    return tuple(slow)


def _late(url: str, package: str, document: bytes, seconds: float) -> bool:
    began = time.monotonic()
    with contextlib.suppress(Unreachable):
        request(
            url,
            f"/v1/data/{package.replace('.', '/')}",
            method="POST",
            headers={"content-type": "application/json"},
            body=document,
            timeout=seconds,
        )
    return time.monotonic() - began >= seconds


def _imports(modules: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Return the packages, each with the others that it refers to."""
    found: dict[str, set[str]] = {}
    for module in modules:
        tree = module["ast"]
        # A server's trees are compiled: references are whole, and imports are gone.
        paths = (path for path, _ in references(tree.get("rules", ())))
        found.setdefault(".".join(package_of(tree)[1:]), set()).update(
            ".".join(path[1:]) for path in paths if path[:1] == ("data",)
        )
    return {
        name: {
            other
            for other in found
            if other != name and any(f"{path}.".startswith(f"{other}.") for path in paths)
        }
        for name, paths in found.items()
    }
