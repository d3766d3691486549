"""What happened, entry by entry, and the sums that entries fold into.

The journal takes entries, which is quick; now and then they are folded into one row a bucket and
one a line of the usage report, and dropped. Folding is also how the journal of a killed process
is read, so there is one meaning of an entry.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from extauth.ledger.window import bucket_at
from extauth.types import Account, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE = 60
DAY = 86_400

WindowKey = tuple[str, str, int]
"""Key, unit and seconds: what is counted together."""


class Reserved(msgspec.Struct, frozen=True, array_like=True, tag="reserved"):
    """Claims were set aside; `tokens` is the request's worst case."""

    id: str
    time: float
    account: Account
    claims: list[tuple[WindowKey, int]]
    tokens: int


class Settled(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """A reservation ended with this usage."""

    id: str
    time: float
    usage: Usage


class Released(msgspec.Struct, frozen=True, array_like=True, tag="released"):
    """A reservation ended and nothing was used."""

    id: str
    time: float


class Lost(msgspec.Struct, frozen=True, array_like=True, tag="lost"):
    """The process was killed before a reservation ended: its worst case counts."""

    id: str
    time: float


Entry = Reserved | Settled | Released | Lost

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Entry).decode


class Scope(NamedTuple):
    """What a row of buckets belongs to: a limit's key, a principal or a tenant."""

    kind: Literal["limit", "principal", "tenant"]
    key: str


class Bucket(NamedTuple):
    """One bucket of one window of a scope."""

    scope: Scope
    seconds: int
    number: int


class Line(NamedTuple):
    """One line of the usage report; `day` is the UTC date of the settlement."""

    day: str
    account: Account


class Amounts:
    """Requests and tokens of a bucket."""

    __slots__ = ("requests", "tokens")

    def __init__(self) -> None:
        self.requests = 0
        self.tokens = 0


class Used:
    """What a line adds up to. Of `unsettled` requests the tokens are not known."""

    __slots__ = ("completion_tokens", "prompt_tokens", "requests", "unsettled")

    def __init__(self) -> None:
        self.requests = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.unsettled = 0


class Fold:
    """The sums of entries in their order, on top of the reservations that were open before."""

    def __init__(self, opened: Iterable[Reserved] = (), now: float = 0.0) -> None:
        self.now = now
        self.opened = {entry.id: entry for entry in opened}
        self.buckets: dict[Bucket, Amounts] = {}
        self.lines: dict[Line, Used] = {}

    def clear(self) -> None:
        """Forget the sums, once they are written; what is open stays so."""
        self.buckets.clear()
        self.lines.clear()

    def apply(self, entry: Entry) -> None:
        """Add one entry. The end of a reservation that is not open changes nothing."""
        self.now = max(self.now, entry.time)
        if isinstance(entry, Reserved):
            self.opened[entry.id] = entry
            self._requests(entry, 1)
            return
        reserved = self.opened.pop(entry.id, None)
        if reserved is None:
            return
        if isinstance(entry, Released):
            self._requests(reserved, -1)
            return
        line = self._line(reserved.account, entry.time)
        line.requests += 1
        if isinstance(entry, Settled):
            line.prompt_tokens += entry.usage.prompt_tokens
            line.completion_tokens += entry.usage.completion_tokens
            self._tokens(reserved, entry.usage.total_tokens, entry.time)
        else:
            line.unsettled += 1
            self._tokens(reserved, None, entry.time)

    def _requests(self, reserved: Reserved, sign: Literal[1, -1]) -> None:
        """Requests count from the moment of the reservation."""
        for (key, unit, seconds), amount in reserved.claims:
            if unit == "requests":
                self._amounts(Scope("limit", key), seconds, reserved.time).requests += sign * amount
        for scope in _owners(reserved.account):
            for seconds in (MINUTE, DAY):
                self._amounts(scope, seconds, reserved.time).requests += sign

    def _tokens(self, reserved: Reserved, total: int | None, time: float) -> None:
        """Tokens count from the settlement; without a total, as many as were reserved."""
        for (key, unit, seconds), amount in reserved.claims:
            if unit == "tokens":
                tokens = amount if total is None else total
                self._amounts(Scope("limit", key), seconds, time).tokens += tokens
        for scope in _owners(reserved.account):
            tokens = reserved.tokens if total is None else total
            for seconds in (MINUTE, DAY):
                self._amounts(scope, seconds, time).tokens += tokens

    def _amounts(self, scope: Scope, seconds: int, time: float) -> Amounts:
        bucket = Bucket(scope, seconds, bucket_at(time, seconds))
        amounts = self.buckets.get(bucket)
        if amounts is None:
            amounts = self.buckets[bucket] = Amounts()
        return amounts

    def _line(self, account: Account, time: float) -> Used:
        line = Line(_date(int(time) // DAY), account)
        used = self.lines.get(line)
        if used is None:
            used = self.lines[line] = Used()
        return used


def _owners(account: Account) -> tuple[Scope, Scope]:
    return Scope("principal", account.principal), Scope("tenant", account.tenant)


@lru_cache(maxsize=8)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()
