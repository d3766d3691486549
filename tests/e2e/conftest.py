"""Stacks that tests share, and stacks of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.site import Site
from tests.e2e.stack import Stack, down, up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The demo, shared: tests change nothing that another one relies on."""
    running = up(tmp_path_factory.mktemp("stack") / "state")
    yield running
    down(running)


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The one behind `site`, for a fixture of a module: it restores what it changes."""
    made = Site(tmp_path_factory.mktemp("site"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """A stack whose configuration, policies and processes a test may change, kill and stop.

    All is put back afterwards. Applying a change takes a tenth of the time that a start takes.
    """
    yield shared_site
    shared_site.restore()


@pytest.fixture
def private_site(tmp_path: Path, stack: Stack) -> Iterator[Callable[..., Site]]:
    """Makes a site, not started yet, of what a running stack can't become by an `apply`.

    Its model server is the shared stack's, unless the test wants `own_triton`.
    """
    made: list[Site] = []

    def make(*, own_triton: bool = False) -> Site:
        made.append(Site(tmp_path, beside=None if own_triton else stack))
        return made[-1]

    yield make
    for one in made:
        one.stop()
