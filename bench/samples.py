"""How long single requests take, beyond their mean."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SAMPLES = 500


async def percentiles(request: Callable[[], Awaitable[None]]) -> dict[str, int]:
    """The median and the 99th percentile of `SAMPLES` in turn, in microseconds."""
    took = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        await request()
        took.append((time.perf_counter() - began) * 1e6)
    took.sort()
    return {"p50_us": round(took[SAMPLES // 2]), "p99_us": round(took[SAMPLES * 99 // 100])}
