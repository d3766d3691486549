"""Scheduling of the tests on several processes: a directory's tests stay together.

They share what takes long to make: a running stack, an Envoy, a server, compiled policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest


class DirectoryScheduling(LoadScopeScheduling):
    """Gives each process the next directory, in the order in which the tests were collected."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        super().__init__(config, log)  # type: ignore[arg-type] # xdist's own, which it doesn't export
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        """Return the directory of a test."""
        return _directory(nodeid)


def longest_first(items: list[pytest.Item]) -> None:
    """Put directories with end-to-end tests first, and quick ones last.

    So no process has a long one left when the others have nothing more to do.
    """
    marks: dict[str, set[str]] = {}
    for item in items:
        marks.setdefault(_directory(item.nodeid), set()).update(
            mark.name for mark in item.iter_markers()
        )

    def rank(item: pytest.Item) -> int:
        found = marks[_directory(item.nodeid)]
        return 0 if "e2e" in found else 1 if "slow" in found else 2

    items.sort(key=rank)


def _directory(nodeid: str) -> str:
    return nodeid.partition("::")[0].rpartition("/")[0]
