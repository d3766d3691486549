"""What a running stack follows, as it writes it down for whoever asks how it is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from extauth.storage.state import StateDir


class PullState(msgspec.Struct, frozen=True):
    """How the last attempt to pull went, at `time`; `error` is None if it went well."""

    url: str
    time: float
    error: str | None = None


class FollowingState(msgspec.Struct, frozen=True):
    """What the stack follows."""

    watch: bool = False
    pull: PullState | None = None

    @classmethod
    def load(cls, state: StateDir) -> FollowingState:
        """What the running stack last wrote; nothing where it wrote nothing."""
        try:
            return msgspec.json.decode(state.following_file.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls()
