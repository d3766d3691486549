"""`sluice engines`: obtain Envoy, OPA and Triton before they are needed."""

from __future__ import annotations

import sys

import typer


def engines() -> None:
    """Find every engine; build or download OPA if there is none."""
    from extauth.stack.engines.envoy import find_envoy
    from extauth.stack.engines.opa import obtain_opa
    from extauth.stack.engines.triton import find_triton
    from extauth.stack.progress import Terminal

    for engine in (find_envoy(), find_triton()[0], obtain_opa(Terminal(sys.stderr))):
        typer.echo(f"{engine.name:<8}{engine.version}  {engine.path}")
