"""One counter's arithmetic over time: what counts now, and when it will count no more.

Time only goes forward: an older `now` is taken for the newest one seen. Amounts are whole; the
unit is the counter's. Not thread-safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from extauth.errors import PolicyError
from extauth.ledger.bucket import Level
from extauth.ledger.calendar import Forever, Period
from extauth.ledger.rolling import Rolling
from extauth.types import CalendarPeriod, Lifetime, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types import Window as Spec


Asked = tuple[str, int] | tuple[None, None]
"""The name and the maximum of a limit, or neither."""


class Window(Protocol):
    """What counts: amounts held, which nobody knows the end of, and amounts booked.

    `asked` is the limit that was last asked of it.
    """

    held: int
    asked: Asked

    def used(self, now: float) -> int:
        """Everything that counts at `now`, held and booked."""

    def idle(self, now: float) -> bool:
        """Whether it could as well be new: a grant and what is held may come to nothing too."""

    def book(self, amount: int, now: float) -> None:
        """Count `amount` from `now` until it leaves."""

    def take_back(self, amount: int, booked: float) -> None:
        """Undo a booking made at `booked`, as far as it still counts."""

    def room_after(self, excess: int, now: float) -> float | None:
        """Seconds until `excess` less counts than now; None when held amounts are in the way."""

    def whole_after(self, now: float, more: int = 0) -> float | None:
        """Seconds until nothing counts any more, if what is held, and `more`, were booked now.

        None means never.
        """

    def told_until(self, now: float) -> float:
        """Until when a threshold that was reached at `now` is not told of again."""

    def clear(self) -> None:
        """Forget what is booked."""

    def state(self) -> Sequence[float]:
        """What is booked, as `load` takes it; what is held is not in it."""

    def load(self, state: Sequence[float], now: float) -> None:
        """Count again what was counted before a restart."""


def window_of(spec: Spec) -> Window:
    """An empty counter. Raises PolicyError for a time zone that nobody knows."""
    match spec:
        case TokenBucket():
            return Level(spec.refill, spec.seconds)
        case CalendarPeriod():
            return Period(spec)
        case Lifetime():
            return Forever()
        case _ if spec < 1:
            raise PolicyError(f"A limit has a window of {spec} seconds.")
        case _:
            return Rolling(spec)
