"""The snapshot's settings choose the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import pytest

from extauth.errors import ConfigurationError, PolicyUnavailable
from extauth.policy import Entrypoint, open_engine
from extauth.settings import Settings
from extauth.snapshot import Snapshot
from tests.policy.conftest import POLICIES, build
from tests.policy.facts import CHAT

if TYPE_CHECKING:
    from tests.policy.conftest import Bundle


def snapshot(bundle: Bundle, engine: Literal["wasm", "opa"], url: str | None = None) -> Snapshot:
    """A snapshot with the repository's policies and these settings."""
    settings = msgspec.convert(
        {
            "time_zone": "UTC",
            "listener": {"address": "127.0.0.1", "port": 8080},
            "admin": {"address": "127.0.0.1", "port": 8081},
            "policy": {"engine": engine, "timeout": 5.0, "url": url},
            "backends": {},
            "models": {},
            "identity": {"rotation_grace": 0.0},
            "limits": {
                "request_body": 1,
                "response_body": 1,
                "header_bytes": 1,
                "request_timeout": 1.0,
                "stream_idle_timeout": 1.0,
                "json_depth": 1,
            },
        },
        Settings,
    )
    return Snapshot(digest="one", root=bundle.directory.parent, settings=settings)


async def test_wasm(bundle: Bundle) -> None:
    engine = open_engine(snapshot(bundle, "wasm"), None)
    assert engine.name == "wasm"
    assert (await engine.decide(Entrypoint.INFERENCE, CHAT)).allow
    await engine.close()


async def test_the_stacks_own_server(
    bundle: Bundle, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(snapshot(bundle, "opa"), server)
    assert engine.name == "opa"
    assert "does not prove" not in caplog.text
    assert (await engine.decide(Entrypoint.INFERENCE, CHAT)).allow
    await engine.close()


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same policies under another revision than the server's."""
    sources = (POLICIES / "gateway", POLICIES / "data")
    return build(tmp_path_factory.mktemp("newer"), *sources, revision="two")


async def test_the_stacks_own_server_has_to_serve_the_snapshots_revision(
    newer: Bundle, server: str
) -> None:
    engine = open_engine(snapshot(newer, "opa"), server)
    with pytest.raises(PolicyUnavailable):
        await engine.decide(Entrypoint.INFERENCE, CHAT)
    await engine.close()


async def test_a_server_run_by_somebody_else_has_its_own_revisions(
    newer: Bundle, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(snapshot(newer, "opa", url=server), None)
    assert engine.name == "opa-external"
    assert f"{server}, which somebody else runs: this gateway does not prove" in caplog.text
    assert (await engine.decide(Entrypoint.INFERENCE, CHAT)).allow
    await engine.close()


def test_no_server(bundle: Bundle) -> None:
    with pytest.raises(ConfigurationError, match="there is no OPA server"):
        open_engine(snapshot(bundle, "opa"), None)
