"""A gateway whose keys and records are in a PostgreSQL: served, and closed while that is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from tests.e2e.site import CHAT
from tests.e2e.stack import eventually
from tests.postgres_server import private_postgres

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.e2e.site import Site
    from tests.postgres_server import PostgresServer

__all__ = ["private_postgres"]

pytestmark = pytest.mark.e2e

PATH = "/v1/chat/completions"


def test_keys_and_records_are_in_postgresql(
    private_site: Callable[..., Site], private_postgres: PostgresServer
) -> None:
    site = private_site()
    store = {
        "kind": "postgres",
        "url": private_postgres.database(),
        "password_file": str(private_postgres.password_file),
    }

    def share(config: dict[str, Any]) -> None:
        config["identity"]["store"] = dict(store)
        config.setdefault("audit", {})["store"] = dict(store)

    site.change(share)
    stack = site.start()
    client = stack.http()
    served = client.post(PATH, json=CHAT)
    assert served.status_code == 200, served.text
    assert stack.audit(served.headers["x-request-id"])["outcome"] == "served"
    assert not site.state.identity_db.exists()
    assert not site.state.audit_db.exists()

    key = stack.create_key("gone", "acme", "premium", "developer", region="eu-west")
    other = stack.http(key=key)
    assert other.post(PATH, json=CHAT).status_code == 200
    stack.sluice("keys", "revoke", "acme/gone")
    assert other.post(PATH, json=CHAT).status_code == 401, "at once"

    private_postgres.stop()

    def closed() -> None:
        refused = client.post(PATH, json=CHAT)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "identity_unavailable"

    eventually(closed)
    eventually(lambda: _failing(site, {"identity", "audit"}))
    private_postgres.start()
    eventually(site.ready)
    eventually(lambda: _served(client.post(PATH, json=CHAT)))

    def recorded() -> None:
        records = stack.sluice("audit", "export").splitlines()
        assert any('"identity_unavailable"' in record for record in records)

    eventually(recorded)
    assert "ok:" in stack.sluice("audit", "verify")


def _served(answer: Any) -> None:
    assert answer.status_code == 200, answer.text


def _failing(site: Site, parts: set[str]) -> None:
    answer = httpx.get(f"{site.stack.admin}/readyz")
    assert answer.status_code == 503
    assert parts <= set(answer.text.split()), answer.text
