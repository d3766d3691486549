"""Records as the gateway makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from extauth.audit import AuditRecord, Outcome
from extauth.obligations import Decision, Route
from extauth.types import (
    Api,
    Facts,
    Limit,
    ModelFacts,
    Operation,
    Parameters,
    Principal,
    RequestFacts,
    SourceFacts,
    TimeFacts,
    TokenFacts,
    Usage,
    UsageFacts,
)
from tests.postgres_server import postgres_server, private_postgres

from .contract import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.audit import AuditLog

__all__ = ["postgres_server", "private_postgres"]

NOW = 1_790_000_000.0
_ROUTE = Route("chat", "1", "triton")


class Made(Protocol):
    """Makes a record."""

    def __call__(self, request_id: str, *, tenant: str = ..., time: float = ...) -> AuditRecord: ...


@pytest.fixture(params=["embedded", pytest.param("postgres", marks=pytest.mark.slow)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Where nothing has been recorded yet."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    made = Kept(tmp_path / "state" / "audit.db", server)
    yield made
    made.close()


@pytest.fixture
def log(kept: Kept) -> AuditLog:
    """The log there."""
    return kept.log()


@pytest.fixture
def served() -> Made:
    """A chat that was answered."""
    return _served


@pytest.fixture
def stranger() -> AuditRecord:
    """A request whose caller nobody knows."""
    return AuditRecord(
        request_id="stranger",
        time=NOW,
        snapshot="0" * 64,
        engine="wasm",
        source="192.0.2.1",
        outcome=Outcome.DENIED,
        status=401,
        error="invalid_api_key",
    )


def _served(request_id: str, *, tenant: str = "acme", time: float = NOW) -> AuditRecord:
    principal = Principal(f"{tenant}/ada", "api_key", tenant, "premium", ("developer",))
    return AuditRecord(
        request_id=request_id,
        time=time,
        snapshot="0" * 64,
        engine="wasm",
        source="192.0.2.1",
        outcome=Outcome.SERVED,
        status=200,
        api=Api.OPENAI,
        operation=Operation.CHAT,
        principal=principal,
        facts=Facts(
            request=RequestFacts(Api.OPENAI, Operation.CHAT),
            principal=principal,
            source=SourceFacts("192.0.2.1"),
            time=TimeFacts("2026-09-21", "monday", 14, 13),
            model=ModelFacts("chat", None, "stable", 17),
            parameters=Parameters(max_tokens=64),
            tokens=TokenFacts(12, 64),
            sensitive={"email": 1},
            usage=UsageFacts(),
        ),
        decision=Decision(
            allow=True,
            route=_ROUTE,
            obligations=(Limit("requests_per_minute", "tenant:acme", "requests", 60, 10),),
        ),
        route=_ROUTE,
        usage=Usage(12, 30),
        stream=True,
        timings={"identify": 7, "inference": 190},
    )
