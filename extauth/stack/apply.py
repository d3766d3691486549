"""Compile what a running stack is configured with again, and switch to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import SluiceError
from extauth.stack.compilation import compile_for, signer_of
from extauth.stack.engines.envoy import find_envoy
from extauth.stack.engines.opa import find_opa
from extauth.stack.progress import step
from extauth.stack.switching import ready_record, refuse, switch, switching
from extauth.stack.wish import Wish

if TYPE_CHECKING:
    from extauth.snapshot.history import How
    from extauth.stack.progress import Progress
    from extauth.stack.record import StackRecord
    from extauth.stack.switching import Activation
    from extauth.storage.state import StateDir


def apply(state: StateDir, progress: Progress, how: How = "apply") -> Activation:
    """Compile the running stack's configuration again and activate it.

    Raises ConfigurationError with file and line, or StackError; the snapshot that was in use then
    still is, and the history tells why.
    """
    with switching(state):
        return compile_and_switch(state, progress, how)


def compile_and_switch(
    state: StateDir, progress: Progress, how: How, *, pulled: Path | None = None
) -> Activation:
    """What `apply` does, for who holds `switching`; `pulled` are policies just fetched."""
    record = ready_record(state)
    wish = wish_of(record, state)
    opa = find_opa()
    try:
        with step(progress, f"compiling {wish.config.name}"):
            new, _ = compile_for(wish, record.ports, envoy=find_envoy(), opa=opa, pulled=pulled)
    except SluiceError as error:
        refuse(state, how, error)
        raise
    return switch(new, how, state, progress, signer=signer_of(record.signing, opa))


def wish_of(record: StackRecord, state: StateDir) -> Wish:
    """What the stack was started with."""
    return Wish(
        config=Path(record.config),
        state=state,
        port=record.overrides.get("port"),
        admin_port=record.overrides.get("admin_port"),
    )
