"""The tasks of a running stack that follow files that change, and a bundle that is pulled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import SluiceError, StackError
from extauth.snapshot.history import History
from extauth.stack.activation import envoy_files
from extauth.stack.activation.apply import apply
from extauth.stack.process.locks import switching
from extauth.stack.process.record import StackRecord
from extauth.stack.progress import Silent
from extauth.stack.sources.pull import Puller
from extauth.stack.sources.watch import Watched
from extauth.storage.state import write_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.compiler import Configuration
    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.progress import Progress
    from extauth.storage.state import StateDir

TIDY_SECONDS = 1.0


class PullState(msgspec.Struct, frozen=True):
    """The last attempt to pull, at `time`; `error` is None if it went well."""

    url: str
    time: float
    error: str | None = None


class FollowingState(msgspec.Struct, frozen=True):
    """The sources that a stack follows, as it writes them down for `sluice status`."""

    watch: bool = False
    pull: PullState | None = None

    @classmethod
    def load(cls, state: StateDir) -> FollowingState:
        """Return the last state that the running stack wrote, an empty one if there is none."""
        try:
            return msgspec.json.decode(state.following_file.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls()


class Following:
    """The tasks of one running stack. Belongs to one event loop; the work is done in threads."""

    def __init__(
        self, options: StackOptions, configuration: Configuration, progress: Progress
    ) -> None:
        self._options = options
        self._state = options.state
        self._source = configuration
        self._progress = progress
        self._now = FollowingState(watch=configuration.settings.policy.watch)
        self._history = History(options.state.history)
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
            envoy_files.forget(self._state, StackRecord.ready(self._state))

    async def _listen(self) -> None:
        """Note the refusals of others: `sluice apply` tells only whoever called it."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            if self._history.refusals() > self._told:
                await self._attempt(self._tell_refused)

    def _tell_refused(self) -> None:
        new = self._history.refusals() - self._told
        self._told += new
        refused = [entry for entry in self._history.entries() if entry.result == "refused"]
        for entry in refused[-new:]:
            # Refusals of what is watched and pulled were noted at once.
            if entry.how in {"apply", "rollback"}:
                self._progress.note(f"{entry.how} refused: {entry.reason}")

    async def _watch(self) -> None:
        watched = Watched(self._options.config, self._source.policies)
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
        """Do it in a thread, and note a failure: the old snapshot goes on serving."""
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
