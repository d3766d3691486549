"""The command `sluice`: one file a command, no logic. Commands import what they need when called.

Exit status: 0 done, 1 it failed, 2 the command line or an operator's file is wrong.
"""

from __future__ import annotations

import typer

from extauth.cli import audit, canary, keys, limits, privacy, shadow, usage, webhook
from extauth.cli.apply import apply
from extauth.cli.check import check
from extauth.cli.diff import diff
from extauth.cli.doctor import doctor
from extauth.cli.down import down
from extauth.cli.engines import engines
from extauth.cli.explain import explain
from extauth.cli.failure import Commands, version
from extauth.cli.history import history
from extauth.cli.init import init
from extauth.cli.replay import replay
from extauth.cli.rollback import rollback
from extauth.cli.serve import serve
from extauth.cli.status import status
from extauth.cli.supervise import supervise
from extauth.cli.test import run_tests
from extauth.cli.up import up

app = typer.Typer(
    name="sluice",
    help="A policy-as-code gateway for AI models.",
    cls=Commands,
    callback=version,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command()(up)
app.command()(down)
app.command()(status)
app.command()(apply)
app.command()(diff)
app.command()(history)
app.command()(rollback)
app.add_typer(keys.app, name="keys")
app.add_typer(usage.app, name="usage")
app.add_typer(limits.app, name="limits")
app.add_typer(audit.app, name="audit")
app.add_typer(privacy.app, name="privacy")
app.command()(check)
app.command("test")(run_tests)
app.command()(replay)
app.command()(explain)
app.add_typer(shadow.app, name="shadow")
app.add_typer(canary.app, name="canary")
app.add_typer(webhook.app, name="webhook")
app.command()(init)
app.command()(doctor)
app.command()(engines)
app.command(hidden=True)(serve)
app.command(hidden=True)(supervise)

__all__ = ["app"]
