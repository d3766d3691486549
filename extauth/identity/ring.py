"""The keys that a process knows: checked in memory, and looked up away from the event loop.

A key that was looked up is known until a change of keys is noticed: at once when a process of this
node made it (`KeyStore.stamp`), and otherwise when the store is asked for its version, which is
every `POLL` seconds. What the store has not confirmed for `LEASE` seconds is not known any more: a
key that was revoked anywhere is refused everywhere a second later, also where the store can't be
reached. Then nobody is let in by a key, until it can.

Unknown ids can't load the store: while one question is under way all others wait and become the
next one together, so a process never asks two at a time, whatever is presented to it. Ids that the
store does not have are remembered too, apart from those that it has, so that guesses push nobody
out. A key made later is never among them: its id is drawn at random from 62^16.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from extauth.errors import IdentityUnavailable, StackError, Unauthenticated
from extauth.identity.store import REFUSAL, digest, split

if TYPE_CHECKING:
    from extauth.identity.store import KeyStore, Known, KnownKeys
    from extauth.types import Principal

POLL = 0.3
LEASE = 1.0
"""Seconds from asking the store on: within them a change is noticed on every node."""

PATIENCE = 1.0
"""Seconds that a request waits for the store."""

KNOWN = 16_384
"""The most keys that a process remembers, some 20 MB. The oldest go first."""

UNKNOWN = 16_384
"""The most ids that a process remembers as unknown to the store."""

ASKED = 1_000
"""Ids that one question has at most, and that wait for the next."""

_SILENT = "the key store does not answer"
_AWAY = "API keys can't be checked at the moment."
_NO_DIGEST = secrets.token_bytes(32)

logger = logging.getLogger(__name__)


class KeyRing:
    """Checks API keys. For tasks of one event loop."""

    def __init__(self, store: KeyStore) -> None:
        """`store` outlives it, and is asked by one thread of its own."""
        self._store = store
        self._known: dict[str, Known] = {}
        self._unknown: dict[str, None] = {}
        self._stamp = b""
        self._version = -1
        self._fresh_until = 0.0
        self._failure: str | None = None
        self._asked: dict[str, asyncio.Future[Known | None]] = {}
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask the store for the first time. Raises StackError when it can't be used."""
        try:
            await self._ask({})
        except IdentityUnavailable as error:
            raise StackError(error.message) from None
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def close(self) -> None:
        """Ask no more. Nobody may authenticate any more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self._thread.shutdown)

    @property
    def failure(self) -> str | None:
        """The reason why no key can be checked at the moment, None while they can."""
        if self._failure is None and time.monotonic() >= self._fresh_until + PATIENCE:
            return _SILENT
        return self._failure

    async def authenticate(self, presented: str, now: float) -> Principal:
        """Return the principal whose key was `presented`.

        Raises Unauthenticated, always with the same message, when there is no such key, it is
        expired, revoked or wrong in any way; IdentityUnavailable when the store can't be asked.
        """
        key_id, secret = split(presented)
        if self._store.stamp() != self._stamp:
            self._forget()
        known = self._known.get(key_id)
        remembered = known is not None or key_id in self._unknown
        if not remembered or time.monotonic() >= self._fresh_until:
            known = await self._found(key_id)
        # An unknown id takes as long as a wrong secret.
        matches = hmac.compare_digest(digest(secret), _NO_DIGEST if known is None else known.digest)
        if not matches or known is None or now >= known.end:
            raise Unauthenticated(REFUSAL)
        return known.principal

    async def _found(self, key_id: str) -> Known | None:
        """Return what the store has, by a question that begins after this call."""
        if self._failure is not None:
            raise IdentityUnavailable(_AWAY)
        answer = self._asked.get(key_id)
        if answer is None:
            if len(self._asked) >= ASKED:
                raise IdentityUnavailable(_AWAY)
            answer = self._asked[key_id] = asyncio.get_running_loop().create_future()
            self._wake.set()
        # Others wait for it too: it must outlive this request.
        await asyncio.wait((answer,), timeout=PATIENCE)
        if not answer.done():
            # Until the question that is under way has its answer, nobody else need wait for it.
            self._failure = _SILENT
            raise IdentityUnavailable(_AWAY)
        return answer.result()

    async def _serve(self) -> None:
        """Ask the store, whenever somebody waits and every `POLL` seconds, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, {}
            try:
                await self._ask(asked)
            except IdentityUnavailable as error:
                if self._failure is None:
                    logger.warning("API keys can't be checked: %s", error.message)
                self._failure = error.message
                for answer in asked.values():
                    answer.set_exception(IdentityUnavailable(_AWAY))
                    # Whoever waited may have left.
                    answer.exception()
            else:
                if self._failure is not None:
                    logger.info("API keys can be checked again")
                self._failure = None

    async def _ask(self, asked: dict[str, asyncio.Future[Known | None]]) -> None:
        """Look ids up, and keep what was found. Raises IdentityUnavailable."""
        stamp, begun = self._store.stamp(), time.monotonic()
        found: KnownKeys = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._store.find, list(asked)
        )
        if (stamp, found.version) != (self._stamp, self._version):
            self._forget()
            self._stamp, self._version = stamp, found.version
        self._fresh_until = begun + LEASE
        self._known.update(found.keys)
        self._unknown.update(dict.fromkeys(asked.keys() - found.keys.keys()))
        _shorten(self._known, KNOWN)
        _shorten(self._unknown, UNKNOWN)
        for key_id, answer in asked.items():
            answer.set_result(found.keys.get(key_id))

    def _forget(self) -> None:
        self._known.clear()
        self._unknown.clear()


def _shorten(entries: dict[str, Known] | dict[str, None], most: int) -> None:
    """Drop the oldest."""
    for key_id in list(islice(entries, max(0, len(entries) - most))):
        del entries[key_id]
