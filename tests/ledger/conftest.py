"""A real Redis beside the real files, and books on either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ledger.contract import Books, EmbeddedBooks, RedisBooks
from tests.ledger.shared import Shared
from tests.redis_server import private_redis, redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.redis_server import RedisServer

__all__ = ["private_redis", "redis_server"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of an embedded ledger, in a directory that is not there yet."""
    return tmp_path / "state" / "ledger.db"


@pytest.fixture(params=["embedded", "redis"])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Books]:
    made: Books
    if request.param == "embedded":
        made = EmbeddedBooks(tmp_path)
    else:
        made = RedisBooks(request.getfixturevalue("redis_server"))
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def shared(redis_server: RedisServer) -> AsyncIterator[Shared]:
    made = Shared(redis_server)
    yield made
    await made.close()


@pytest.fixture
async def private(private_redis: RedisServer) -> AsyncIterator[Shared]:
    """Books on a server that the test may stop or pause."""
    made = Shared(private_redis)
    yield made
    private_redis.resume()
    await made.close()
