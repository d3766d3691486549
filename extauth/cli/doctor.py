"""`sluice doctor`: what a stack needs on this machine."""

from __future__ import annotations

import json as encoder

import typer

from extauth.cli.options import JsonOption


def doctor(*, json: JsonOption = False) -> None:
    """Tell what is there, what is missing, and what to do. Exit status 1 if anything is."""
    import msgspec

    from extauth.stack.engines.doctor import examine

    findings = examine()
    ok = all(one.ok for one in findings)
    if json:
        typer.echo(encoder.dumps({"ok": ok, "findings": msgspec.to_builtins(findings)}))
    else:
        for one in findings:
            origin = f" ({one.source})" if one.source else ""
            there = f"{one.version}{origin}  {one.path or ''}".rstrip()
            typer.echo(f"{'ok' if one.ok else 'missing':<9}{one.name:<9}{one.remedy or there}")
    if not ok:
        raise typer.Exit(1)
