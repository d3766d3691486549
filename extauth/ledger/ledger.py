"""The ledger as the rest of the gateway sees it.

A counter is everything under one (key, unit, window): limits of different names, or a limit
whose `max` changed, count on together. Windows are rolling. A request is counted from the moment
it is reserved; tokens are held from then until they are settled, and settled ones count from
their settlement. That is the one choice by which no rolling window can be overspent: a
request's tokens are spent at some time between the two, and are counted throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from extauth.types import Account, Limit, LimitState, Usage, UsageFacts

if TYPE_CHECKING:
    from collections.abc import Sequence


class Charge(msgspec.Struct, frozen=True):
    """What a request takes from a limit at most: 1 of requests, its worst case of tokens.

    `fixed` is the part of the amount that no lower `max_tokens` makes smaller: the prompt.
    """

    limit: Limit
    amount: int
    fixed: int = 0


class Reservation(msgspec.Struct, frozen=True):
    """A worst case that is set aside until it is settled or released, whichever comes first.

    `states` are the limits in the order of the charges, this request counted in.
    """

    id: str
    account: Account
    charges: tuple[Charge, ...]
    time: float
    states: tuple[LimitState, ...]


class Ledger(Protocol):
    """Counts, and refuses what does not fit. Safe for any number of tasks of one event loop.

    Every method raises LedgerUnavailable when nothing can be accounted for. `now` is unix
    seconds; a clock that steps back stands still until it has caught up.
    """

    async def start(self) -> None:
        """Load what was counted before. Raises StackError when the store can't be used."""

    async def close(self) -> None:
        """Write everything down and let go of the store."""

    async def reserve(self, account: Account, charges: Sequence[Charge], now: float) -> Reservation:
        """Set the charges aside: all of them or none.

        Raises LimitExceeded with the limit's name as its code, `states` of every limit, and the
        seconds until there is room as `retry_after`; None means that there never will be, since
        the request alone is larger than the limit.
        """

    async def settle(self, reservation: Reservation, usage: Usage, now: float) -> None:
        """Replace the reserved tokens by what was used; durable when it returns.

        The first settle or release of a reservation counts; every other one changes nothing. What
        was used is booked as it is, also beyond what was reserved. Cancelling the caller does not
        undo it.
        """

    async def release(self, reservation: Reservation, now: float) -> None:
        """Give everything back, the request too: nothing was used."""

    async def usage(self, tenant: str, principal: str, now: float) -> UsageFacts:
        """What both have used in the last minute and day, settled and reserved together."""
