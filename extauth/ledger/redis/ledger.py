"""The ledger of many processes: counted by one Redis or Valkey, with one script a call."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, cast

from extauth.errors import LedgerUnavailable, StackError
from extauth.ledger.ledger import Reservation, scale
from extauth.ledger.redis.answer import crossing, refusal, standing, states
from extauth.ledger.redis.claim import MOST, Calendars, claims_of, granted, thresholds, vector
from extauth.ledger.redis.ends import End, Ends
from extauth.ledger.redis.lines import account_line
from extauth.ledger.redis.renaming import rename
from extauth.ledger.redis.script import (
    GRANT,
    PROGRESS,
    RELEASE,
    RENEW,
    RESERVE,
    RESET,
    SETTLE,
    STANDING,
    USAGE,
)
from extauth.ledger.redis.server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from extauth.ledger.ledger import Counter, Demand, Moved, Standing
    from extauth.ledger.redis.claim import Spec
    from extauth.ledger.redis.ends import Arguments
    from extauth.ledger.redis.script import Script
    from extauth.types import Account, Clock, Crossing, Usage

    Answers = Sequence[Sequence[object]]
    Crossings = Sequence[tuple[int, int, int, object]]

_NOT_OPEN = "The ledger is not open."
# Ends that may wait for the server; with more of them, reservations are refused.
MAX_LATE = 10_000
_KEYS = 100
# Reservations of dead processes that one renewal ends; every other call ends a few.
_SWEEP = 500


class Held(NamedTuple):
    """The amounts that a reservation of this process holds in each counter."""

    counters: list[Counter]
    amounts: list[int]


class RedisLedger:
    """`Ledger` on a server that many processes share. The protocol describes its methods.

    Each method is one Lua script and one round trip. The time is the server's; the argument `now`
    is ignored. When a settlement returns, it is as durable as the server's writes (`appendonly
    yes`: it survives the server's death; with `appendfsync everysec` a loss of power takes up to a
    second).

    A process that has not been heard for `lease` seconds is taken for dead: its open reservations
    count as their last progress, and their slots are free. If it was only paused and settles later,
    it is charged the rest, once. No lease expires while no process reaches the server.

    A call takes at most `patience` seconds, and before it waits as long for a server that did not
    answer the last call. Then `reserve` refuses, and what may have been reserved is given back. A
    settlement that can't be sent is kept and repeated until it is confirmed, and counts exactly
    once; `settle` raises if that takes longer. If the process dies first, the last progress counts.

    Amounts and sums are exact up to 2**53 - 1; larger ones are refused. Every key of the ledger
    carries the hash tag `{name}`, so in a cluster it lives in one slot. Keys expire when their
    windows are empty, except those of lifetimes and of held amounts; the server's maxmemory-policy
    must be `noeviction`.
    """

    def __init__(
        self,
        url: str,
        *,
        password: str | None = None,
        name: str = "sluice",
        lease: float = 30.0,
        patience: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        """`url` is of the scheme redis, rediss or unix. Raises StackError for an invalid URL.

        `clock` replaces the server's time, for tests and simulations.
        """
        self._server = Server(
            url,
            password=password,
            name=name,
            process=secrets.token_hex(6),
            lease=lease,
            patience=patience,
            clock=clock,
        )
        self.moved = 0.0
        self._lease = lease
        self._patience = patience
        self._ends = Ends(self._server)
        self._calendars = Calendars()
        self._count = count(1)
        self._open: dict[str, Held] = {}
        self._size = 0
        self._renewal: asyncio.Task[None] | None = None

    @property
    def failure(self) -> str | None:
        """The reason why the ledger can't be used at the moment; None while it can."""
        return _NOT_OPEN if self._renewal is None else self._server.failure

    @property
    def size(self) -> int:
        """Number of keys on the server when the lease was last renewed."""
        return self._size

    @property
    def open(self) -> int:
        """Number of reservations of this process that are neither settled nor released."""
        return len(self._open)

    async def start(self) -> None:
        """Connect, load the scripts and take a lease. Raises StackError when that fails."""
        try:
            await self._server.open()
            await self._renew()
        except LedgerUnavailable as unavailable:
            await self._server.close()
            raise StackError(unavailable.message) from None
        except BaseException:
            await self._server.close()
            raise
        self._renewal = asyncio.get_running_loop().create_task(self._keep_alive())

    async def close(self) -> None:
        """Send the ends that are left, and give up the lease.

        Open reservations count from then on as the usage known of them. Raises LedgerUnavailable
        when a settlement could not be sent.
        """
        renewal, self._renewal = self._renewal, None
        if renewal is None:
            return
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        try:
            await self._ends.close(self._patience)
        finally:
            with contextlib.suppress(LedgerUnavailable):
                await self._server.call(RENEW, {"leaves": True})
            await self._server.close()

    async def reserve(self, account: Account, demand: Demand, now: float) -> Reservation:
        self._ready()
        if len(self._ends) >= MAX_LATE:
            raise LedgerUnavailable("Too many settlements wait for the ledger's Redis.")
        key = f"{self._server.process}-{next(self._count)}"
        known, line = vector(demand.known), account_line(account)
        claims = claims_of(demand)
        await self._answering()
        try:
            answer = await self._ask(
                RESERVE,
                lambda: {
                    "id": key,
                    "claims": self._specs(claims.counters),
                    "limits": claims.limits,
                    "worst": claims.worst,
                    "known": known,
                    "line": line,
                },
            )
        except BaseException:
            # The reservation may have been made, or still be under way.
            self._ends.keep(End(RELEASE, lambda: {"id": key}))
            raise
        time, kind, *rest = answer
        if kind == "full":
            raise refusal(demand, cast("Answers", rest[0]))
        if kind != "reserved":
            raise LedgerUnavailable("A counter holds more than the ledger counts exactly.")
        answers = cast("Answers", rest[0])
        self._open[key] = Held(claims.counters, granted(claims, answers))
        return Reservation(
            key,
            account,
            demand,
            cast("float", time),
            states(demand, answers),
            tuple(
                [
                    cast("int", answer[2]) // scale(limit.unit)
                    for limit, answer in zip(demand.limits, answers, strict=True)
                ]
            ),
        )

    async def progress(self, reservation: Reservation, usage: Usage, now: float) -> None:
        self._ready()
        known = vector(usage)
        if self._server.failure is not None:
            # A stream does not wait for this: the next progress includes it.
            raise LedgerUnavailable(self._server.failure)
        if reservation.id in self._open:
            await self._ask(PROGRESS, lambda: {"id": reservation.id, "known": known})

    async def settle(
        self, reservation: Reservation, usage: Usage, now: float
    ) -> tuple[Crossing, ...]:
        self._ready()
        key, used = reservation.id, vector(usage)
        held = self._open.pop(key, None)
        if held is None:
            return ()
        line, limits = account_line(reservation.account), reservation.demand.limits
        watched = thresholds(limits, held.counters)

        def ask() -> Arguments:
            specs = self._specs(held.counters)
            return {
                "id": key,
                "used": used,
                "line": line,
                "claims": list(zip(specs, held.amounts, strict=True)),
                "limits": [threshold for _, threshold in watched],
            }

        answer = await self._end(key, SETTLE, ask)
        if answer is None:
            raise LedgerUnavailable(self._server.failure or "The ledger's Redis was too slow.")
        time, _, crossings = answer
        return tuple(
            [
                crossing(watched[place - 1][0], percent, booked, after, cast("float", time))
                for place, percent, booked, after in cast("Crossings", crossings)
            ]
        )

    async def release(self, reservation: Reservation, now: float) -> None:
        """Give back what was reserved, once. If the server does not answer, it is done later."""
        self._ready()
        if self._open.pop(reservation.id, None) is not None:
            await self._end(reservation.id, RELEASE, lambda: {"id": reservation.id})

    def step(self, by: float, now: float) -> None:
        """Change nothing: the time is the server's."""

    async def usage(self, counters: Sequence[Counter], now: float) -> tuple[int, ...]:
        self._ready()
        if not counters:
            return ()
        await self._answering()
        answer = await self._ask(USAGE, lambda: {"counters": self._specs(counters)})
        used = cast("list[int]", answer[2])
        return tuple(
            [amount // scale(counter.unit) for counter, amount in zip(counters, used, strict=True)]
        )

    async def standing(self, key: str, now: float) -> tuple[Standing, ...]:
        """Return the counters under `key`. A final `*` scans the whole server."""
        self._ready()
        found: list[Standing] = []
        async for keys in self._keys(key):
            time, _, answers = await self._ask(STANDING, partial(dict, keys=keys))
            found += [standing(each, cast("float", time)) for each in cast("Answers", answers)]
        return tuple(sorted(found, key=lambda each: str(each.counter)))

    async def reset(self, key: str, now: float) -> int:
        self._ready()
        counters = 0
        async for keys in self._keys(key):
            answer = await self._ask(RESET, partial(dict, keys=keys))
            counters += cast("int", answer[2])
        return counters

    async def grant(self, counter: Counter, amount: int, now: float) -> None:
        self._ready()
        more = amount * scale(counter.unit)
        if abs(more) > MOST:
            raise LedgerUnavailable("More than the ledger counts can't be granted.")
        await self._ask(GRANT, lambda: {"counter": self._specs((counter,))[0], "amount": more})

    async def rename(self, names: Mapping[str, str], now: float) -> Moved:
        """Rename counters and lines. Running requests settle under the old names: `left`."""
        self._ready()
        return await rename(self._server, self._ask, self._specs, names)

    def _specs(self, counters: Sequence[Counter]) -> list[Spec]:
        now = self._server.now
        return [self._calendars.spec(counter, now) for counter in counters]

    def _ready(self) -> None:
        if self._renewal is None:
            raise LedgerUnavailable(_NOT_OPEN)

    async def _answering(self) -> None:
        """Wait up to `patience` for a server that did not answer. Raises LedgerUnavailable."""
        if self._server.failure is not None:
            self._ends.recover()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._ends.recovered()
            if self._server.failure is not None:
                raise LedgerUnavailable(self._server.failure)

    async def _ask(self, script: Script, ask: Callable[[], Arguments]) -> list[object]:
        """Run a script, and again if the server's time was outside the calendar periods given."""
        try:
            for _ in range(2):
                answer = await self._server.call(script, ask())
                if answer[1:] != ["stale"]:
                    return answer
        finally:
            if self._server.failure is not None:
                self._ends.recover()
        raise LedgerUnavailable("The clock of the ledger's Redis does not stand still.")

    async def _end(
        self, key: str, script: Script, ask: Callable[[], Arguments]
    ) -> list[object] | None:
        """Send an end; None if it could not be sent yet and is kept to be repeated."""
        try:
            if self._server.failure is None:
                answer = await self._ask(script, ask)
                if script is SETTLE:
                    self._server.ended(key)
                return answer
        except asyncio.CancelledError:
            self._ends.keep(End(script, ask))
            raise
        except LedgerUnavailable:
            pass
        end = End(script, ask)
        self._ends.keep(end)
        await asyncio.wait({end.landed}, timeout=self._patience)
        return end.landed.result() if end.landed.done() else None

    async def _keys(self, key: str) -> AsyncIterator[list[str]]:
        if not key.endswith("*"):
            yield [key]
            return
        # SCAN may name a key twice.
        found = sorted({each async for each in self._server.keys_like(key[:-1])})
        for begin in range(0, len(found), _KEYS):
            yield found[begin : begin + _KEYS]

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                await self._renew()
            except LedgerUnavailable:
                self._ends.recover()

    async def _renew(self) -> None:
        answer = await self._server.call(RENEW, {"leaves": False, "sweep": _SWEEP})
        self._size = cast("int", answer[1])
