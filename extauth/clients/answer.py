"""An error as a client sees it: body and headers, in the shape of the API that it called."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import STATUSES, LimitExceeded
from extauth.types import Api, CalendarPeriod, Lifetime, TokenBucket
from extauth.types.headers import DROPPED_TURNS, NOTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Limit, LimitState, Window

JSON = "application/json"
EVENTS = "text/event-stream"


def error_body(api: Api, error: AnsweredError) -> bytes:
    """Return the JSON of an error answer."""
    if api is Api.KSERVE:
        return msgspec.json.encode({"error": error.told})
    return msgspec.json.encode(
        {
            "error": {
                "message": error.told,
                "type": STATUSES[error.status].openai_type,
                "param": error.param,
                "code": error.code,
            }
        }
    )


def error_headers(error: AnsweredError) -> tuple[tuple[str, str], ...]:
    """Return the headers of an error answer. `retry-after` is whole seconds, rounded up (RFC 9110).

    A limit that has no room tells what is left of all.
    """
    headers = [("content-type", JSON), *error.headers]
    if error.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    if error.retry_after is not None:
        headers.append(("retry-after", str(max(1, math.ceil(error.retry_after)))))
    if isinstance(error, LimitExceeded):
        headers += limit_headers(error.states)
    return tuple(headers)


def limit_headers(states: Sequence[LimitState]) -> tuple[tuple[str, str], ...]:
    """Return what is left of the limits that hold for a request.

    `x-ratelimit-*` as OpenAI's, of the limit with the least left a unit; `RateLimit` and
    `RateLimit-Policy` of all (draft-ietf-httpapi-ratelimit-headers). Slots are nobody's quota, and
    would tell one tenant of another's requests.
    """
    tightest: dict[str, LimitState] = {}
    limits: list[Limit] = []
    rates: list[str] = []
    for state in states:
        limit, left = state.limit, state.remaining
        if limit.unit == "slots":
            continue
        if limit.unit not in tightest or left < tightest[limit.unit].remaining:
            tightest[limit.unit] = state
        limits.append(limit)
        reset = "" if state.reset is None else f";t={math.ceil(state.reset)}"
        rates.append(f'"{limit.name}";r={left}{reset}')
    if not limits:
        return ()
    headers: list[tuple[str, str]] = []
    for unit in ("requests", "tokens"):
        if unit in tightest:
            state = tightest[unit]
            headers += [
                (f"x-ratelimit-limit-{unit}", str(state.limit.max)),
                (f"x-ratelimit-remaining-{unit}", str(state.remaining)),
                (f"x-ratelimit-reset-{unit}", f"{math.ceil(state.reset or 0)}s"),
            ]
    return (
        *headers,
        ("ratelimit-policy", _policies(tuple(limits))),
        ("ratelimit", ", ".join(rates)),
    )


def noted_headers(noted: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    """Return the header that tells what was found and left as it is, by kind."""
    if not noted:
        return ()
    return ((NOTED, ", ".join(f"{kind}={times}" for kind, times in sorted(noted.items()))),)


def dropped_headers(turns: int) -> tuple[tuple[str, str], ...]:
    """Return the header that tells how many turns of a chat were left out."""
    return ((DROPPED_TURNS, str(turns)),) if turns else ()


@lru_cache(maxsize=1024)
def _policies(limits: tuple[Limit, ...]) -> str:
    return ", ".join(f'"{limit.name}";q={limit.max}{_window(limit.window)}' for limit in limits)


def _window(window: Window) -> str:
    """Return `;w=` in seconds, for a window that has so many; a month has not."""
    match window:
        case TokenBucket(seconds=seconds):
            return f";w={seconds}"
        case CalendarPeriod(period=period):
            return {"hour": ";w=3600", "day": ";w=86400", "month": ""}[period]
        case Lifetime():
            return ""
        case _:
            return f";w={window}"
