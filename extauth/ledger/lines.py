"""The lines of the usage report, added up from entries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from extauth.ledger.entry import (
    Lost,
    Opened,
    Progressed,
    Released,
    Renamed,
    Settled,
    Stepped,
    renamed,
)
from extauth.types import Account, Usage
from extauth.types.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.ledger.entry import JournalEntry

DAY = 86_400


class UsageLine(NamedTuple):
    """The key of a line of the usage report; `day` is the UTC date of the settlement."""

    day: str
    account: Account


class Used:
    """The sums of a line. Of `unsettled` requests only a part of the usage is known."""

    __slots__ = (
        "completion_tokens",
        "cost",
        "milliseconds",
        "prompt_tokens",
        "requests",
        "unsettled",
    )

    def __init__(self) -> None:
        self.requests = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.cost = 0
        self.milliseconds = 0
        self.unsettled = 0

    def add(self, usage: Usage, *, unsettled: bool) -> None:
        """Add one request."""
        self.requests += 1
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cost += usage.cost
        self.milliseconds += usage.milliseconds
        self.unsettled += unsettled

    def merge(self, other: Used) -> None:
        """Add the sums of another line."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Lines:
    """Sums over entries in their order, given the reservations that were open before them.

    Days are those of the wall clock, which was `ahead` of the ledger's time before the entries.
    """

    def __init__(self, opened: Iterable[Opened] = (), *, ahead: float = 0.0) -> None:
        self.ahead = ahead
        self.opened = {entry.id: entry for entry in opened}
        self.used: dict[UsageLine, Used] = {}
        self.renamed: list[Pseudonyms] = []
        self._known: dict[str, Usage] = {}

    def clear(self) -> None:
        """Forget the sums once they are written. Open reservations stay."""
        self.used.clear()
        self.renamed.clear()

    def apply(self, entry: JournalEntry) -> None:
        """Add one entry. The end of a reservation that is not open changes nothing."""
        match entry:
            case Opened():
                self.opened[entry.id] = entry
            case Progressed():
                if entry.id in self.opened:
                    self._known[entry.id] = entry.usage
            case Settled() | Released() | Lost():
                reserved = self.opened.pop(entry.id, None)
                known = self._known.pop(entry.id, None)
                if reserved is None or isinstance(entry, Released):
                    return
                if isinstance(entry, Settled):
                    self._line(reserved.account, entry.time).add(entry.usage, unsettled=False)
                else:
                    line = self._line(reserved.account, entry.time)
                    line.add(known or reserved.known, unsettled=True)
            case Renamed():
                self._rename(Pseudonyms(entry.names))
            case Stepped():
                self.ahead += entry.by
            case _:
                pass

    def remember(self) -> list[Opened]:
        """Return the open reservations, each with the usage known of it so far."""
        return [
            Opened(
                each.id, each.time, each.account, each.claims, self._known.get(each.id, each.known)
            )
            for each in self.opened.values()
        ]

    def _rename(self, pseudonyms: Pseudonyms) -> None:
        self.renamed.append(pseudonyms)
        self.opened = {key: renamed(entry, pseudonyms) for key, entry in self.opened.items()}
        used, self.used = self.used, {}
        for line, sums in used.items():
            principal = pseudonyms.of(line.account.principal)
            new = UsageLine(line.day, replace(line.account, principal=principal))
            self.used.setdefault(new, Used()).merge(sums)

    def _line(self, account: Account, time: float) -> Used:
        line = UsageLine(_date(int(time + self.ahead) // DAY), account)
        used = self.used.get(line)
        if used is None:
            used = self.used[line] = Used()
        return used


@lru_cache(maxsize=8)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()
