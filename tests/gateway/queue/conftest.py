"""The line that requests wait in."""

from __future__ import annotations

import pytest

from extauth.gateway.queue import WaitingRoom


@pytest.fixture
def room() -> WaitingRoom:
    return WaitingRoom()
