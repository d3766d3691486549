"""`sluice serve`: the gateway's own process, as the stack starts it."""

from __future__ import annotations

from typing import Annotated

import typer

from extauth.cli.options import STATE_DIR, StateDirOption

OpaUrlOption = Annotated[str | None, typer.Option("--opa-url", help="The stack's OPA server.")]


def serve(*, state_dir: StateDirOption = STATE_DIR, opa_url: OpaUrlOption = None) -> None:
    """Serve the active snapshot of a state directory until SIGTERM."""
    from extauth.app import serve as serve_until_stopped
    from extauth.state import StateDir

    serve_until_stopped(StateDir.at(state_dir), opa_url=opa_url)
