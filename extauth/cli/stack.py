"""`sluice up`, `sluice down` and `sluice status`: a stack on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.terminal.options import (
    CONFIG,
    STATE_DIR,
    AdminPortOption,
    ConfigOption,
    JsonOption,
    PortOption,
    StateDirOption,
)
from extauth.cli.terminal.output import print_json, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extauth.stack.demo import Credential
    from extauth.stack.process.record import StackRecord
    from extauth.stack.status import StackStatus
    from extauth.storage.state import StateDir

NOT_READY = 1
NOT_RUNNING = 3
NO_KEY = "$SLUICE_API_KEY"

DetachOption = Annotated[bool, typer.Option("--detach", help="Return once the stack is ready.")]


def up(
    *,
    detach: DetachOption = False,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
    config: ConfigOption = CONFIG,
    port: PortOption = None,
    admin_port: AdminPortOption = None,
) -> None:
    """Start everything, wait until it answers, and tell how to use it.

    In the foreground Ctrl-C stops it again.
    """
    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.progress import Silent, Terminal
    from extauth.storage.state import StateDir

    options = StackOptions(config.resolve(), StateDir.at(state_dir), port, admin_port)
    progress = Silent() if json else Terminal(sys.stderr)

    def announce(record: StackRecord, keys: tuple[Credential, ...]) -> None:
        if json:
            print_json(_document(record, keys, options.state))
        else:
            typer.echo(_welcome(record, keys, options.state, detached=detach))

    if detach:
        from extauth.stack.background import start_detached

        announce(*start_detached(options, progress))
    else:
        from extauth.stack.run import run

        run(options, progress, announce)


def down(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Stop everything and wait until nothing is left."""
    from extauth.stack.process.stopping import stop
    from extauth.storage.state import StateDir

    state = StateDir.at(state_dir)
    stopped = stop(state)
    if json:
        print_json({"stopped": stopped, "state_dir": str(state.path)})
    else:
        typer.echo("stopped" if stopped else f"no stack runs on {state.path}")


def status(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Tell how each process is doing. Exit status: 0 all ready, 1 not all, 3 nothing runs."""
    import msgspec

    from extauth.policy.engine import UNPROVED
    from extauth.stack.status import status as ask
    from extauth.storage.state import StateDir

    state = StateDir.at(state_dir)
    now = ask(state)
    if json:
        known = {"running": now is not None, "state_dir": str(state.path)}
        print_json(known | (msgspec.structs.asdict(now) if now else {}))
    elif now is None:
        typer.echo(f"no stack runs on {state.path}")
    else:
        typer.echo(f"endpoint  {now.endpoint}/v1\nadmin     {now.admin}")
        typer.echo(f"snapshot  {now.digest} ({now.sequence})")
        for name, server in now.backends.items():
            typer.echo(f"backend   {name}: {server.kind}, {server.url or 'embedded'}")
        if now.policy.url is not None:
            typer.echo(f"policies  {UNPROVED.format(now.policy.url)}")
        for line in _trouble(now):
            typer.echo(line)
        if now.trial is not None:
            typer.echo(f"trial     {now.trial.headline}")
        typer.echo(f"\n{'process':<10}{'pid':>8}{'uptime':>12}{'restarts':>10}  ready")
        for name, one in now.processes.items():
            answer = "yes" if one.ready else "no"
            typer.echo(f"{name:<10}{one.pid:>8}{one.uptime:>10.0f} s{one.restarts:>10}  {answer}")
    if now is None:
        raise typer.Exit(NOT_RUNNING)
    if not now.ready:
        raise typer.Exit(NOT_READY)


def _trouble(now: StackStatus) -> Iterator[str]:
    if now.refused is not None:
        yield f"refused   {written(now.refused.time)} {now.refused.how}: {now.refused.reason}"
    pull = now.following.pull
    if pull is not None:
        yield f"pull      {written(pull.time)} {pull.url}: {pull.error or 'ok'}"
    if now.following.watch:
        yield "watch     the configuration and its policies"


def _document(
    record: StackRecord, keys: Sequence[Credential], state: StateDir
) -> dict[str, object]:
    """Return endpoint, admin, state_dir, digest, processes (name to pid) and keys."""
    return {
        "endpoint": record.endpoint,
        "admin": record.admin,
        "state_dir": str(state.path),
        "digest": record.digest,
        "processes": {name: one.pid for name, one in record.processes.items()},
        "keys": [
            {
                "name": one.name,
                "key": one.key,
                "tenant": one.tenant,
                "tier": one.tier,
                "roles": list(one.roles),
            }
            for one in keys
        ],
    }


def _welcome(
    record: StackRecord, keys: Sequence[Credential], state: StateDir, *, detached: bool
) -> str:
    """Return endpoint, keys, two requests to paste, and a Python snippet."""
    first = keys[0].key if keys else NO_KEY
    second = keys[1].key if len(keys) > 1 else first
    return "\n".join(
        [
            "",
            "Sluice is ready.",
            "",
            f"  endpoint   {record.endpoint}/v1",
            f"  admin      {record.admin} (token in {state.admin_token})",
            f"  state      {state.path}",
            "",
            *_keys(keys),
            "Ask a model:",
            "",
            f"curl -s {record.endpoint}/v1/chat/completions -H 'Authorization: Bearer {first}'"
            " -H 'Content-Type: application/json' -d '"
            '{"model": "chat", "messages": [{"role": "user", "content": "Hello!"}]}'
            "'",
            f"curl -s {record.endpoint}/v1/models -H 'Authorization: Bearer {second}'",
            "",
            "The same in Python (pip install openai):",
            "",
            "from openai import OpenAI",
            f'client = OpenAI(base_url="{record.endpoint}/v1", api_key="{first}")',
            'messages = [{"role": "user", "content": "Hello!"}]',
            'answer = client.chat.completions.create(model="chat", messages=messages)',
            "print(answer.choices[0].message.content)",
            "",
            _goodbye(state, detached=detached),
        ]
    )


def _keys(keys: Sequence[Credential]) -> list[str]:
    if not keys:
        return ["No demo key works any more; `sluice keys create` makes one.", ""]
    rows = [("name", "tenant", "tier", "roles", "key")]
    rows += [(one.name, one.tenant, one.tier, ",".join(one.roles), one.key) for one in keys]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return [*lines, ""]


def _goodbye(state: StateDir, *, detached: bool) -> str:
    if not detached:
        return "Ctrl-C stops everything."
    default = state.path.name == STATE_DIR.name
    return "Stop it with `sluice down" + ("`." if default else f" --state-dir {state.path}`.")
