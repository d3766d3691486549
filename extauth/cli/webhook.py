"""`sluice webhook`: who is told of events, and whether it arrives."""

from __future__ import annotations

from typing import Annotated

import typer

from extauth.cli.terminal.options import CONFIG, FAILED, ConfigOption, JsonOption
from extauth.cli.terminal.output import print_json, print_table

app = typer.Typer(help="Try the webhooks that events are sent to.", no_args_is_help=True)


@app.callback()
def webhook() -> None:
    """Try the webhooks that events are sent to."""


@app.command("test")
def try_out(
    index: Annotated[
        int | None,
        typer.Argument(metavar="[INDEX]", min=0, help="Only this one of events.webhooks."),
    ] = None,
    *,
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Send a signed example to each webhook of the configuration, and say what came back.

    Exit status 1 unless all of them accepted it, with a status from 200 to 299.
    """
    import asyncio
    import time
    from urllib.parse import urlsplit

    from extauth.compiler import Overrides
    from extauth.compiler.configuration import read_configuration
    from extauth.errors import ConfigurationError
    from extauth.events import try_webhooks

    webhooks = dict(enumerate(read_configuration(config, Overrides()).settings.events.webhooks))
    if index is not None:
        webhooks = {at: one for at, one in webhooks.items() if at == index}
    if not webhooks:
        named = "" if index is None else f"[{index}]"
        raise ConfigurationError(f"there is no events.webhooks{named} to try", file=config)
    answers = asyncio.run(try_webhooks(tuple(webhooks.values()), time.time))
    tried = [
        {
            "index": at,
            "webhook": urlsplit(one.url).netloc,
            "accepted": answer.accepted,
            "status": answer.status,
            "reason": answer.reason,
            "milliseconds": round(answer.seconds * 1e3),
        }
        for (at, one), answer in zip(webhooks.items(), answers, strict=True)
    ]
    if json:
        print_json({"webhooks": tried})
    else:
        print_table(
            ("index", "webhook", "accepted", "what came back", "ms"),
            [
                (
                    str(one["index"]),
                    str(one["webhook"]),
                    "yes" if one["accepted"] else "no",
                    str(one["reason"]),
                    str(one["milliseconds"]),
                )
                for one in tried
            ],
            numbers=("index", "ms"),
        )
    if not all(answer.accepted for answer in answers):
        raise typer.Exit(FAILED)
