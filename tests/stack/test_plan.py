"""What is missing is told before anything starts."""

from __future__ import annotations

import sys

import msgspec
import pytest

from extauth.errors import StackError
from extauth.settings import LedgerSettings
from extauth.stack.plan import require_client
from tests.compiler.conftest import SETTINGS

REDIS = msgspec.structs.replace(
    SETTINGS, ledger=LedgerSettings("redis", "redis://redis"), workers=2
)


def test_a_ledger_in_redis_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    require_client(REDIS)
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StackError, match=r"pip install 'sluicegate\[redis\]'"):
        require_client(REDIS)
    require_client(SETTINGS)
