"""The usage report's lines, read from the server outside the gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from extauth.errors import StackError
from extauth.ledger.lines import DAY, UsageLine, Used
from extauth.types import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 5.0
_SCAN = 1000

_decode = msgspec.msgpack.Decoder(tuple[int, int, int, int, int, int]).decode


def account_line(account: Account) -> str:
    """Return the server's name for an account in a day's report."""
    return msgspec.json.encode(msgspec.structs.astuple(account)).decode()


def lines(
    url: str,
    *,
    password: str | None = None,
    name: str = "sluice",
    principal: str | None = None,
    since: str = "",
) -> list[tuple[UsageLine, Used]]:
    """Return lines of the usage report of the last 400 days, also while gateways write.

    All of them, or those of a principal, or those from a UTC day such as `2026-08-31` on. Includes
    every settlement that has returned. Blocks. Raises StackError when the server can't be asked.
    """
    options: dict[str, Any] = {} if password is None else {"password": password}
    try:
        with Redis.from_url(
            url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, protocol=2, **options
        ) as redis:
            return list(_lines(redis, f"{{{name}}}", principal, since))
    except (RedisError, OSError, ValueError) as error:
        raise StackError(f"The ledger's Redis can't be read: {error}") from None


def _lines(
    redis: Redis, tag: str, principal: str | None, since: str
) -> Iterator[tuple[UsageLine, Used]]:
    for number in cast("list[bytes]", redis.zrange(f"{tag}:days", 0, -1)):
        day = datetime.fromtimestamp(int(number) * DAY, UTC).date().isoformat()
        if day < since:
            continue
        # HSCAN may name a field twice.
        found = dict(redis.hscan_iter(f"{tag}:u:{int(number)}", count=_SCAN))
        for field, sums in found.items():
            account = Account(*msgspec.json.decode(field))
            if principal is None or account.principal == principal:
                yield UsageLine(day, account), _used(_decode(sums))


def _used(sums: tuple[int, int, int, int, int, int]) -> Used:
    used = Used()
    used.requests, used.prompt_tokens, used.completion_tokens = sums[:3]
    used.cost, used.milliseconds, used.unsettled = sums[3:]
    return used
