"""Options that several commands share, and the exit statuses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extauth.assurance.findings import Format

StateDirOption = Annotated[
    Path, typer.Option("--state-dir", help="Where the stack keeps everything it owns.")
]
ConfigOption = Annotated[Path, typer.Option("--config", help="The gateway's configuration.")]
PortOption = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65535, help="Listen here instead of on listener.port."),
]
AdminPortOption = Annotated[
    int | None,
    typer.Option("--admin-port", min=1, max=65535, help="Admin endpoint, not on admin.port."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
FormatOption = Annotated[
    Format, typer.Option("--format", help="How to tell it: for people, machines or a forge.")
]
PoliciesArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Policies, or a gateway.yaml that names them.")
]

FAILED = 1
MISCONFIGURED = 2

STATE_DIR = Path(".sluice")
CONFIG = Path("gateway.yaml")
