"""`sluice init`: a policy repository to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new directory, or an empty one.")
    ],
) -> None:
    """Make a policy repository: the shipped rules, data and cases, a catalogue, and CI."""
    from extauth.assurance.authoring import make_repository

    make_repository(directory)
    typer.echo(f"made {directory}; try: sluice check {directory}")
