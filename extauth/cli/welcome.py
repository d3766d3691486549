"""What `sluice up` tells once the stack is ready."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from extauth.cli.options import STATE_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.stack.demo import Credential
    from extauth.stack.process.record import StackRecord
    from extauth.storage.state import StateDir

NO_KEY = "$SLUICE_API_KEY"


def as_json(record: StackRecord, keys: Sequence[Credential], state: StateDir) -> str:
    """One object: endpoint, admin, state_dir, processes (name to pid) and keys."""
    return json.dumps(
        {
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
    )


def as_text(
    record: StackRecord, keys: Sequence[Credential], state: StateDir, *, detached: bool
) -> str:
    """Endpoint, keys, two requests to paste, and a Python snippet."""
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
