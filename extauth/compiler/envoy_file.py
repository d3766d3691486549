"""Clusters of several snapshots at once, while requests of each of them are under way."""

from __future__ import annotations

from typing import Any

from extauth.compiler.generated import dump, load


def union(newest: bytes, *others: bytes) -> bytes:
    """The resources of all these files; of those with the same name, those of the newest.

    `newest` itself, byte by byte, where the others add none.
    """
    document = load(newest)
    known = {one["name"] for one in document["resources"]}
    added = []
    for other in others:
        for resource in load(other)["resources"]:
            if resource["name"] not in known:
                known.add(resource["name"])
                added.append(resource)
    if not added:
        return newest
    document["resources"] = [*document["resources"], *added]
    return dump(document)


def resources(file: bytes) -> dict[str, dict[str, Any]]:
    """The resources of one of Envoy's files by name."""
    return {one["name"]: one for one in load(file)["resources"]}
