"""The Lua scripts. Each call of one is an atomic change, computed on the server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

_LUA = Path(__file__).parent / "lua"


class Script(NamedTuple):
    """A script's text, and the hash by which the server knows it.

    A script `of_process` takes the ends that the process has had confirmed.
    """

    text: str
    sha: str
    of_process: bool


def _script(*parts: str) -> Script:
    text = "\n".join((_LUA / f"{part}.lua").read_text() for part in parts)
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Script(text, sha, "process" in parts)


RESERVE = _script("counter", "process", "reserve")
PROGRESS = _script("counter", "process", "progress")
SETTLE = _script("counter", "process", "settle")
RELEASE = _script("counter", "process", "release")
RENEW = _script("counter", "process", "renew")
USAGE = _script("counter", "usage")
STANDING = _script("counter", "index", "standing")
RESET = _script("counter", "index", "reset")
GRANT = _script("counter", "grant")
LISTED = _script("counter", "listed")
RENAME = _script("counter", "rename")
RELABEL = _script("counter", "relabel")

ALL = (
    *(RESERVE, PROGRESS, SETTLE, RELEASE, RENEW, USAGE, STANDING, RESET, GRANT),
    *(LISTED, RENAME, RELABEL),
)
