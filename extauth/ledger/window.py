"""The arithmetic of one counter over time: the usage now, and when it will leave.

Time is the ledger's own (see `Wall`) and only goes forward: an older `now` counts as the
newest one seen. Amounts are integers in the counter's parts (see `scale`). Not thread-safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from extauth.errors import PolicyError
from extauth.ledger.bucket import LeakyBucket
from extauth.ledger.calendar import Forever, Period, Wall
from extauth.ledger.rolling import Rolling
from extauth.types import CalendarPeriod, Lifetime, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types import Window


Asked = tuple[str, int] | tuple[None, None]
"""The name and the maximum of a limit, or neither."""


class WindowCounter(Protocol):
    """A counter: amounts held by open reservations, and amounts booked.

    `asked` is the limit that was last checked against it.
    """

    held: int
    asked: Asked

    def used(self, now: float) -> int:
        """Return the usage at `now`, held and booked."""

    def idle(self, now: float) -> bool:
        """Return whether it is in the same state as a new counter.

        Grants and holds are state, even where they add up to no usage.
        """

    def book(self, amount: int, now: float) -> None:
        """Count `amount` from `now` until it leaves."""

    def take_back(self, amount: int, booked: float) -> None:
        """Undo a booking made at `booked`, as far as it still counts."""

    def room_after(self, excess: int, now: float) -> float | None:
        """Return the seconds until `excess` has left; None if held amounts are in the way."""

    def whole_after(self, now: float, more: int = 0) -> float | None:
        """Return the seconds until nothing counts, if what is held and `more` were booked now.

        None means never.
        """

    def told_until(self, now: float) -> float:
        """Return until when a threshold reached at `now` is not reported again."""

    def clear(self) -> None:
        """Forget what is booked."""

    def state(self) -> Sequence[float]:
        """Return what is booked, as `load` takes it. Held amounts are not in it."""

    def load(self, state: Sequence[float], now: float) -> None:
        """Restore what was booked before a restart."""


def window_of(spec: Window, wall: Wall) -> WindowCounter:
    """Return an empty counter; those of calendar periods go by `wall`.

    Raises PolicyError for an unknown time zone or an invalid length."""
    match spec:
        case TokenBucket():
            return LeakyBucket(spec.refill, spec.seconds)
        case CalendarPeriod():
            return Period(spec, wall)
        case Lifetime():
            return Forever()
        case _ if spec < 1:
            raise PolicyError(f"A limit has a window of {spec} seconds.")
        case _:
            return Rolling(spec)
