"""What a running stack follows by itself: files that change, and a bundle that is pulled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import SluiceError, StackError
from extauth.snapshot.history import History
from extauth.stack import envoy_files
from extauth.stack.apply import apply
from extauth.stack.following_state import FollowingState, PullState
from extauth.stack.progress import Silent
from extauth.stack.pull import Puller
from extauth.stack.switching import ready_record, switching
from extauth.stack.watch import Watched
from extauth.storage.state import write_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.compiler import Source
    from extauth.stack.progress import Progress
    from extauth.stack.wish import Wish

TIDY_SECONDS = 1.0


class Following:
    """The tasks of one running stack. Belongs to one event loop; the work is done in threads."""

    def __init__(self, wish: Wish, source: Source, progress: Progress) -> None:
        self._wish = wish
        self._state = wish.state
        self._source = source
        self._progress = progress
        self._now = FollowingState(watch=source.settings.policy.watch)
        self._history = History(wish.state.history)
        self._told = self._history.refusals()

    async def run(self) -> None:
        """Follow until cancelled."""
        self._tell(self._now)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tidy())
            tasks.create_task(self._listen())
            if self._source.settings.policy.watch:
                tasks.create_task(self._watch())
            if self._source.settings.policy.pull is not None:
                tasks.create_task(self._pull())

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            if envoy_files.has_more(self._state):
                await self._attempt(self._forget)

    def _forget(self) -> None:
        with switching(self._state):
            envoy_files.forget(self._state, ready_record(self._state))

    async def _listen(self) -> None:
        """Tell of what was refused to others: `sluice apply` tells only whoever called it."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            if self._history.refusals() > self._told:
                await self._attempt(self._tell_refused)

    def _tell_refused(self) -> None:
        new = self._history.refusals() - self._told
        self._told += new
        refused = [entry for entry in self._history.entries() if entry.result == "refused"]
        for entry in refused[-new:]:
            # What is watched and pulled was told when it was tried.
            if entry.how in {"apply", "rollback"}:
                self._progress.note(f"{entry.how} refused: {entry.reason}")

    async def _watch(self) -> None:
        watched = Watched(self._wish.config, self._source.policies)
        while True:
            await self._attempt(lambda: apply(self._state, Silent(), "watch"))
            await watched.changed()

    async def _pull(self) -> None:
        pull = self._source.settings.policy.pull
        if pull is None:
            return
        puller = Puller(self._state, self._source)
        while True:
            error = await self._attempt(puller.pull)
            reason = error.message if error else None
            self._tell(
                msgspec.structs.replace(
                    self._now, pull=PullState(pull.url, puller.last_attempt, reason)
                )
            )
            await asyncio.sleep(pull.interval)

    async def _attempt(self, work: Callable[[], Any]) -> SluiceError | None:
        """Do it in a thread. What fails is told, and the old snapshot goes on serving."""
        try:
            await asyncio.to_thread(work)
        except SluiceError as error:
            self._progress.note(error.message)
            return error
        except OSError as error:
            self._progress.note(str(error))
            return StackError(str(error))
        return None

    def _tell(self, now: FollowingState) -> None:
        self._now = now
        try:
            write_secret(self._state.following_file, msgspec.json.encode(now).decode())
        except OSError as error:
            raise StackError(
                f"cannot write {self._state.following_file}: {error.strerror}"
            ) from None
