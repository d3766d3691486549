"""The packages to blame for a policy that takes too long."""

from __future__ import annotations

import asyncio
import contextlib
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from extauth.errors import StackError
from extauth.rego.server import serve
from extauth.rego.tree import package_of, references

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.types import Facts

SLOW_SECONDS = 1.0
"""Time that a package by itself must take to be blamed: a busy machine is not a reason."""

_LISTING_SECONDS = 20.0


def slow_packages(opa: Path, bundle: Path, facts: Facts) -> tuple[str, ...]:
    """Return the packages of a bundle that take more than SLOW_SECONDS on these facts.

    Serves the bundle and runs an event loop of its own. Empty where OPA can't be run. See `blame`.
    """
    with contextlib.suppress(StackError), serve(opa, bundle) as url:
        return asyncio.run(blame(url, facts, SLOW_SECONDS))
    return ()


async def blame(url: str, facts: Facts, seconds: float) -> tuple[str, ...]:
    """Return the packages of the OPA server at `url` that take more than `seconds` on these facts.

    A package that only waits for another is not among them; none are when each is fast by itself.
    """
    # The limit is for each package alone: a busy machine may take longer to list them.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_LISTING_SECONDS)) as session:
        try:
            async with session.get(f"{url}/v1/policies") as answer:
                imports = _imports((await answer.json())["result"])
            order = tuple(TopologicalSorter(imports).static_order())
        except (aiohttp.ClientError, TimeoutError, CycleError, KeyError, TypeError):
            return ()
        document = {"input": msgspec.to_builtins(facts)}
        limit = aiohttp.ClientTimeout(seconds)
        slow: list[str] = []
        waiting: set[str] = set()
        for package in order:
            if imports.get(package, set()) & waiting:
                waiting.add(package)
            elif package in imports and await _late(
                session, f"{url}/v1/data/{package.replace('.', '/')}", document, limit
            ):
                slow.append(package)
                waiting.add(package)
    return tuple(slow)


async def _late(
    session: aiohttp.ClientSession, url: str, document: dict[str, Any], limit: aiohttp.ClientTimeout
) -> bool:
    try:
        async with session.post(url, json=document, timeout=limit) as answer:
            await answer.read()
    except TimeoutError:
        return True
    except aiohttp.ClientError:
        return False
    return False


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
