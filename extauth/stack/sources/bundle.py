"""A bundle of policies on another server: fetched when it is new, laid out as a directory."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extauth.compiler.url import Origin
from extauth.errors import AnswerTooLarge, ConfigurationError, StackError, Unreachable
from extauth.network.request import request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STEP_SECONDS = 10.0
TOTAL_SECONDS = 60.0
LARGEST = 64 << 20

_ACCEPTED = "application/vnd.openpolicyagent.bundles, application/gzip, */*"
_CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class Fetched:
    """The content that a server has, and the name that it gives this version."""

    content: bytes
    etag: str | None


def fetch(url: str, *, etag: str | None, token: str | None) -> Fetched | None:
    """Get `url`; None if it still is the version `etag`.

    Blocks for a minute at most. A redirect is not followed: the token is for this server alone.
    Raises StackError when the server does not answer in time, ConfigurationError for more than
    64 MiB.
    """
    origin = Origin.parse(url)
    headers = {"accept": _ACCEPTED}
    if etag is not None:
        headers["if-none-match"] = etag
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    try:
        answer = request(
            url, headers=headers, timeout=STEP_SECONDS, within=TOTAL_SECONDS, largest=LARGEST
        )
    except AnswerTooLarge:
        raise ConfigurationError(f"the bundle is larger than {LARGEST >> 20} MiB") from None
    except Unreachable as error:
        raise StackError(f"{origin.host}:{origin.port} does not answer: {error.message}") from None
    if answer.status == 304:
        return None
    if answer.status != 200:
        raise StackError(f"{origin.host}:{origin.port} answered {answer.status}")
    return Fetched(answer.body, answer.headers.get("etag"))


def lay_out(files: Mapping[str, bytes], directory: Path) -> None:
    """Write a bundle as a directory of policies: gateway/ and data/.

    The catalog is left out: its models are those of the gateway that the bundle comes from. Raises
    ConfigurationError for what can't be read, OSError.
    """
    shutil.rmtree(directory, ignore_errors=True)
    data: dict[str, Any] = {}
    for name, content in files.items():
        path = name if name.startswith("gateway/") else f"gateway/{name}"
        if name.endswith(".rego"):
            target = directory / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.write_bytes(content)
        elif name.rpartition("/")[2] == "data.json":
            _merge(data, name.split("/")[:-1], content)
        elif name.endswith((".yaml", ".yml")):
            raise ConfigurationError(f"the bundle holds {name}; make it with `opa build`")
    data.pop(_CATALOG, None)
    (directory / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / "data" / "data.json").write_text(json.dumps(data, indent=1, sort_keys=True))


def _merge(data: dict[str, Any], path: list[str], content: bytes) -> None:
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError("the bundle holds data that is not a JSON object")
    for name in path:
        data = data.setdefault(name, {})
    data.update(value)
