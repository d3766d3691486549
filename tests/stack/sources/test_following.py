"""What a running stack tells of snapshots that were refused elsewhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.errors import ConfigurationError
from extauth.stack.activation.compilation import StackOptions
from extauth.stack.activation.switching import refuse
from extauth.stack.progress import Silent
from extauth.stack.sources import following
from extauth.stack.sources.following import Following
from extauth.storage.state import StateDir
from tests.stack.test_running import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Log(Silent):
    """Keeps what it is told, until it holds a line that ends so."""

    def __init__(self, last: str) -> None:
        self.lines: list[str] = []
        self.done = asyncio.Event()
        self._last = last
        self._loop = asyncio.get_running_loop()

    def note(self, text: str) -> None:
        """Comes from a thread."""
        self.lines.append(text)
        if text.endswith(self._last):
            self._loop.call_soon_threadsafe(self.done.set)


async def test_what_apply_was_refused_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "TIDY_SECONDS", 0.01)
    state = StateDir.at(tmp_path / "state")
    state.create()
    refuse(state, "apply", ConfigurationError("of the stack before this one"))
    config, log = REPOSITORY / "gateway.yaml", Log("last.rego:3: no")
    follow = Following(StackOptions(config, state), read_configuration(config, Overrides()), log)
    running = asyncio.ensure_future(follow.run())
    for how, reason in (
        ("apply", "a.rego:7: no"),
        ("watch", "seen"),
        ("rollback", "last.rego:3: no"),
    ):
        refuse(state, how, ConfigurationError(reason))

    await asyncio.wait_for(log.done.wait(), 30)
    running.cancel()

    assert log.lines == ["apply refused: a.rego:7: no", "rollback refused: last.rego:3: no"]
