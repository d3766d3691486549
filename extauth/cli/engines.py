"""`sluice doctor` and `sluice engines`: the engines that a stack needs on this machine."""

from __future__ import annotations

import sys

import typer

from extauth.cli.terminal.options import CONFIG, FAILED, ConfigOption, JsonOption
from extauth.cli.terminal.output import print_json


def doctor(*, config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Show what is there, what is missing, and what to do. Exit status 1 if anything is missing."""
    from extauth.stack.engines.doctor import examine

    findings = examine(config)
    ok = all(one.ok for one in findings)
    if json:
        print_json({"ok": ok, "findings": findings})
    else:
        for one in findings:
            origin = f" ({one.source})" if one.source else ""
            there = f"{one.version}{origin}  {one.path or ''}".rstrip()
            typer.echo(f"{'ok' if one.ok else 'missing':<9}{one.name:<9}{one.remedy or there}")
    if not ok:
        raise typer.Exit(FAILED)


def engines() -> None:
    """Find every engine; build or download what is missing."""
    from extauth.stack.engines.envoy import find_envoy
    from extauth.stack.engines.opa import obtain_opa
    from extauth.stack.engines.triton import obtain_triton
    from extauth.stack.progress import Terminal

    progress = Terminal(sys.stderr)
    for engine in (find_envoy(), obtain_triton(progress)[0], obtain_opa(progress)):
        typer.echo(f"{engine.name:<8}{engine.version}  {engine.path}")
