"""A Redis or Valkey server that runs the scripts. The client library's errors end here."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, NoReturn, cast

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from extauth.errors import LedgerUnavailable, StackError
from extauth.ledger.redis.script import ALL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from extauth.ledger.redis.script import Script
    from extauth.types import Clock

_CONNECTIONS = 32
_OLDEST = (6, 2)
_SCAN = 1000
# Ids that one call acknowledges at most: Lua's `unpack` can't take a much longer list.
_ACKNOWLEDGED = 1000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Server:
    """Runs scripts, each in one round trip and in bounded time. For tasks of one event loop.

    Every key begins with one hash tag, `{name}`, so that a cluster keeps all of a ledger in one
    slot; the scripts build every key under the tag, which is passed as their only key. A call that
    fails sets `failure`, one that succeeds clears it.
    """

    def __init__(
        self,
        url: str,
        *,
        password: str | None,
        name: str,
        process: str,
        lease: float,
        patience: float,
        clock: Clock | None,
    ) -> None:
        """Raises StackError for an invalid URL."""
        self.failure: str | None = None
        self.process = process
        self._tag = f"{{{name}}}"
        self._lease = lease
        self._patience = patience
        self._clock = clock
        self._ahead = 0.0
        self._newest = 0.0
        self._ended: deque[str] = deque()
        # The client must not repeat a command that may have run: no retries but our own.
        options = {} if password is None else {"password": password}
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                # `call` bounds the time as a whole.
                timeout=None,
                socket_timeout=None,
                socket_connect_timeout=None,
                protocol=2,
                retry=Retry(NoBackoff(), 0),
                **options,
            )
        except ValueError as error:
            raise StackError(f"The ledger's URL can't be used: {error}") from None
        self._redis = Redis.from_pool(pool)

    @property
    def now(self) -> float:
        """The server's time, estimated from its last reply, in unix seconds.

        Without a reply yet it is no time at all: `renew` comes first.
        """
        if self._clock is not None:
            return max(self._clock(), self._newest)
        return time.monotonic() + self._ahead

    def ended(self, key: str) -> None:
        """Note that a reservation's end was confirmed, so that the server may forget it."""
        self._ended.append(key)

    async def open(self) -> None:
        """Connect and load the scripts.

        Raises StackError when the server does not answer, is too old, or may evict counters.
        """
        try:
            async with asyncio.timeout(self._patience):
                info = await self._redis.info()
                for script in ALL:
                    await self._redis.script_load(script.text)
        except (RedisError, OSError, TimeoutError) as error:
            raise StackError(f"The ledger's Redis can't be used: {_reason(error)}") from None
        version = str(info.get("redis_version", "0"))
        if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
            raise StackError(f"The ledger's Redis is {version}, and must be 6.2 or later.")
        eviction = info.get("maxmemory_policy", "noeviction")
        if eviction != "noeviction":
            raise StackError(
                f"The ledger's Redis evicts keys ({eviction}), and so would forget what was used: "
                "set its maxmemory-policy to noeviction."
            )

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def call(self, script: Script, ask: Mapping[str, object]) -> list[object]:
        """Run a script in one round trip; return its reply, which begins with the server's time.

        Raises LedgerUnavailable; the script may have run nevertheless.
        """
        confirmed = min(len(self._ended), _ACKNOWLEDGED) if script.of_process else 0
        acknowledged = [self._ended.popleft() for _ in range(confirmed)]
        question = {
            "now": self._clock() if self._clock is not None else False,
            "process": self.process,
            "lease": self._lease,
            "acked": acknowledged,
            **ask,
        }
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._run(script, _encode(question))
        except BaseException as error:
            self._ended.extendleft(acknowledged)
            if isinstance(error, RedisError | OSError | TimeoutError):
                self._fail(error)
            raise
        self.failure = None
        found: list[object] = _decode(answer)
        self._newest = float(cast("float", found[0]))
        # This machine's wall clock may be set; the server's time does not follow it.
        self._ahead = self._newest - time.monotonic()
        return found

    async def keys_like(self, prefix: str) -> AsyncIterator[str]:
        """Yield the limits' keys with counters that begin with `prefix`. Scans the whole server."""
        async for key in self.scan(f"k:{_literally(prefix)}*"):
            yield key.removeprefix(f"{self._tag}:k:")

    async def scan(self, pattern: str) -> AsyncIterator[str]:
        """Yield the ledger's keys that match `pattern`, which has no tag; a key may come twice."""
        cursor = 0
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    cursor, keys = await self._redis.scan(
                        cursor, match=f"{self._tag}:{pattern}", count=_SCAN
                    )
            except (RedisError, OSError, TimeoutError) as error:
                self._fail(error)
            for key in keys:
                yield cast("bytes", key).decode()
            if not cursor:
                return

    async def fields(self, key: str) -> AsyncIterator[tuple[bytes, bytes]]:
        """Yield the fields and values of a hash; a field may come twice."""
        cursor = 0
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    cursor, found = await self._redis.hscan(key, cursor, count=_SCAN)
            except (RedisError, OSError, TimeoutError) as error:
                self._fail(error)
            for field, value in cast("dict[bytes, bytes]", found).items():
                yield field, value
            if not cursor:
                return

    async def _run(self, script: Script, question: bytes) -> bytes:
        run: Callable[..., Awaitable[bytes]] = self._redis.execute_command
        try:
            return await run("EVALSHA", script.sha, 1, self._tag, question)
        except NoScriptError:
            # A restarted server has forgotten the scripts.
            return await run("EVAL", script.text, 1, self._tag, question)

    def _fail(self, error: Exception) -> NoReturn:
        self.failure = f"The ledger's Redis does not answer: {_reason(error)}."
        raise LedgerUnavailable(self.failure) from None


def _reason(error: Exception) -> str:
    """Return the client library's message, which may name the server but not the password."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    return str(error).rstrip(".") or type(error).__name__


def _literally(text: str) -> str:
    """Return `text` with the characters escaped that SCAN would take for a pattern."""
    return "".join(f"\\{letter}" if letter in "\\*?[]^-" else letter for letter in text)
