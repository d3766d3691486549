"""What is missing is told before anything starts."""

from __future__ import annotations

import sys

import pytest
from msgspec.structs import replace

from extauth.errors import StackError
from extauth.settings import Audit, LedgerSettings, Settings, StoreSettings
from extauth.stores import require_clients
from tests.compiler.conftest import SETTINGS

POSTGRES = StoreSettings("postgres", "postgresql://sluice@localhost/sluice")


@pytest.mark.parametrize(
    ("settings", "package", "extra"),
    [
        (replace(SETTINGS, ledger=LedgerSettings("redis", "redis://redis")), "redis", "redis"),
        (replace(SETTINGS, audit=Audit(store=POSTGRES)), "psycopg", "postgres"),
        (
            replace(SETTINGS, identity=replace(SETTINGS.identity, store=POSTGRES)),
            "psycopg",
            "postgres",
        ),
    ],
)
def test_a_shared_store_needs_its_client(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, package: str, extra: str
) -> None:
    require_clients(settings)
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StackError, match=rf"pip install 'sluicegate\[{extra}\]'"):
        require_clients(settings)
    require_clients(SETTINGS)
