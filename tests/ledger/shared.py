"""Books on one Redis, for any number of processes."""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING

from redis import Redis

from extauth.errors import LedgerUnavailable
from extauth.ledger.redis import RedisLedger
from extauth.types import CalendarPeriod, Lifetime, Limit, TokenBucket
from tests.ledger.contract import SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.redis_server import RedisServer

TPD = Limit("tokens_per_day", "tenant:acme", "tokens", 86_400, 1000)
EACH = (
    Limit("rpm", "tenant:acme", "requests", 60, 1000, warn_at=(1,)),
    TPD,
    Limit("burst", "tenant:acme", "cost", TokenBucket(10, 60), 1000),
    Limit("monthly", "team:red", "tokens", CalendarPeriod("month"), 1000, warn_at=(50,)),
    Limit("trial", "user:ada", "tokens", Lifetime(), 1000),
    SLOTS,
)


class Shared:
    """Books on the server's own clock, for any number of processes."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.name = secrets.token_hex(4)
        self.ledgers: list[RedisLedger] = []

    async def ledger(self, *, lease: float = 30.0, patience: float = 1.0) -> RedisLedger:
        made = RedisLedger(self.server.url, name=self.name, lease=lease, patience=patience)
        await made.start()
        self.ledgers.append(made)
        return made

    @contextlib.contextmanager
    def redis(self) -> Iterator[Redis]:
        with Redis(unix_socket_path=str(self.server.socket), decode_responses=True) as redis:
            yield redis

    async def close(self) -> None:
        for ledger in self.ledgers:
            with contextlib.suppress(LedgerUnavailable):
                await ledger.close()


class On:
    """A ledger in the form that the contract's helpers take."""

    def __init__(self, ledger: RedisLedger) -> None:
        self.ledger = ledger
        self.time = time.time
