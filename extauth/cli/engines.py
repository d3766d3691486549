"""`sluice engines`: obtain Envoy, OPA and Triton before they are needed."""

from __future__ import annotations

import sys

import typer


def engines() -> None:
    """Find every engine; build or download what is missing."""
    from extauth.stack.engines.envoy import find_envoy
    from extauth.stack.engines.opa import obtain_opa
    from extauth.stack.engines.triton import obtain_triton
    from extauth.stack.progress import Terminal

    progress = Terminal(sys.stderr)
    for engine in (find_envoy(), obtain_triton(progress)[0], obtain_opa(progress)):
        typer.echo(f"{engine.name:<8}{engine.version}  {engine.path}")
