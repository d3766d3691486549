"""Lines of the usage report, written out."""

from __future__ import annotations

from typing import Any

from extauth.ledger.lines import UsageLine, Used
from extauth.types import Account


def line(day: str, tenant: str = "acme", *, team: str = "", **sums: Any) -> tuple[UsageLine, Used]:
    """Return a line of `<tenant>/ada` on the chat model; `sums` are those of `Used`."""
    account = Account(tenant, f"{tenant}/ada", "chat", "1", team)
    used = Used()
    used.requests = 1
    for name, value in sums.items():
        setattr(used, name, value)
    return UsageLine(day, account), used
