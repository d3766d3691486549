"""Key stores of both kinds, and processes that check keys by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.identity import KeyRing
from tests.postgres_server import postgres_server, private_postgres

from .contract import Kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from extauth.identity import KeyStore

__all__ = ["postgres_server", "private_postgres"]


@pytest.fixture(params=["embedded", pytest.param("postgres", marks=pytest.mark.slow)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Where there are no keys yet."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    made = Kept(tmp_path / "state", server)
    yield made
    made.close()


@pytest.fixture
def keys(kept: Kept) -> KeyStore:
    """The store there."""
    return kept.store()


@pytest.fixture
def elsewhere(kept: Kept) -> KeyStore:
    """The same keys, in another process of this node."""
    return kept.store()


@pytest.fixture
async def ring(kept: Kept) -> AsyncIterator[KeyRing]:
    """A process that checks keys."""
    made = KeyRing(kept.store())
    await made.start()
    yield made
    await made.close()
