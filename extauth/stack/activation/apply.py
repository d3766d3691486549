"""The activation of a running stack's configuration as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import SluiceError
from extauth.stack.activation.compilation import StackOptions, compile_for, signer_of
from extauth.stack.activation.switching import refuse, switch
from extauth.stack.engines.envoy import find_envoy
from extauth.stack.engines.opa import find_opa
from extauth.stack.process.locks import switching
from extauth.stack.process.record import StackRecord
from extauth.stack.progress import step

if TYPE_CHECKING:
    from extauth.snapshot.history import How
    from extauth.stack.activation.switching import Activation
    from extauth.stack.progress import Progress
    from extauth.storage.state import StateDir


def apply(state: StateDir, progress: Progress, how: How = "apply") -> Activation:
    """Compile the running stack's configuration again and activate it.

    Raises ConfigurationError with file and line, or StackError; the snapshot that was active then
    still is, and the history tells why.
    """
    with switching(state):
        return compile_and_switch(state, progress, how)


def compile_and_switch(
    state: StateDir, progress: Progress, how: How, *, pulled: Path | None = None
) -> Activation:
    """Do what `apply` does, while the caller holds `switching`, with the policies in `pulled`."""
    record = StackRecord.ready(state)
    options = options_of(record, state)
    opa = find_opa()
    try:
        with step(progress, f"compiling {options.config.name}"):
            new, _ = compile_for(options, record.ports, envoy=find_envoy(), opa=opa, pulled=pulled)
    except SluiceError as error:
        refuse(state, how, error)
        raise
    return switch(new, how, state, progress, signer=signer_of(record.signing, opa))


def options_of(record: StackRecord, state: StateDir) -> StackOptions:
    """Return the options that the stack was started with."""
    return StackOptions(
        config=Path(record.config),
        state=state,
        port=record.overrides.get("port"),
        admin_port=record.overrides.get("admin_port"),
    )
