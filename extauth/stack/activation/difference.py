"""The difference of two snapshots: settings, policies, their data, Envoy's resources, models."""

from __future__ import annotations

import difflib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.compiler.envoy_file import resources
from extauth.errors import StackError
from extauth.snapshot import Snapshot
from extauth.snapshot.bundle import MANIFEST
from extauth.snapshot.history import History
from extauth.stack.activation.active import active_digest
from extauth.stack.activation.apply import options_of
from extauth.stack.activation.changes import ValueChange, changes
from extauth.stack.activation.compilation import compile_for
from extauth.stack.activation.rollback import find
from extauth.stack.engines.opa import find_opa
from extauth.stack.process.record import StackRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.storage.state import StateDir

DATA = "data.json"
_CATALOG = "catalog"


class Names(msgspec.Struct, frozen=True):
    """The names of things that were added, removed or changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """True when there are any."""
        return bool(self.added or self.removed or self.changed)


class SnapshotDifference(msgspec.Struct, frozen=True):
    """The way from the snapshot `before` to the snapshot `after`, both by digest.

    `policies` are the rules by file, each as a unified diff, `data` the policies' data by its path
    in OPA. `files` are others that are not the same, such as a tokenizer.
    """

    before: str
    after: str
    settings: tuple[ValueChange, ...]
    policies: dict[str, str]
    data: tuple[ValueChange, ...]
    clusters: Names
    routes: Names
    models: Names
    files: tuple[str, ...]

    @property
    def any(self) -> bool:
        """True when there is any difference."""
        return self.before != self.after


def difference(state: StateDir, before: str | None, after: str | None) -> SnapshotDifference:
    """Compare two snapshots on disk, each a sequence number or the beginning of a digest.

    Without `before` it is the active one, without `after` what the configuration compiles to now.
    Raises ConfigurationError with file and line, StackError.
    """
    entries = History(state.history).entries()
    first = find(before, entries, state) if before else active_digest(state)
    if first is None:
        raise StackError(f"nothing was ever active on {state.path}; `sluice up` starts it")
    old = Snapshot.load(state.snapshots / first)
    if after:
        return compare(old, Snapshot.load(state.snapshots / find(after, entries, state)))
    record = StackRecord.load(state)
    if record is None:
        raise StackError(f"no stack was ever started on {state.path}; `sluice up` starts one")
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        new, _ = compile_for(
            options_of(record, state), record.ports, envoy=None, opa=find_opa(), out=Path(temporary)
        )
        return compare(old, new)


def compare(old: Snapshot, new: Snapshot) -> SnapshotDifference:
    """Compare two snapshots. Raises ConfigurationError when a file can't be read."""
    return SnapshotDifference(
        before=old.digest,
        after=new.digest,
        settings=tuple(changes(_plain(old), _plain(new))),
        policies=_policies(old, new),
        data=tuple(changes(_data(old), _data(new))),
        clusters=_names(_resources(old, "cds.yaml"), _resources(new, "cds.yaml")),
        routes=_names(_routes(old), _routes(new)),
        models=_names(_plain(old)["models"], _plain(new)["models"]),
        files=_files(old, new),
    )


def _plain(snapshot: Snapshot) -> Any:
    return msgspec.to_builtins(snapshot.settings)


def _policies(old: Snapshot, new: Snapshot) -> dict[str, str]:
    first, second = _texts(old), _texts(new)
    diffs = {}
    for name in sorted(first.keys() | second.keys()):
        before, after = first.get(name), second.get(name)
        if before == after:
            continue
        lines = difflib.unified_diff(
            (before or "").splitlines(),
            (after or "").splitlines(),
            f"a/{name}" if before is not None else "/dev/null",
            f"b/{name}" if after is not None else "/dev/null",
            lineterm="",
        )
        diffs[name] = "\n".join(lines) + "\n"
    return diffs


def _texts(snapshot: Snapshot) -> dict[str, str]:
    return {
        name: content.decode("utf-8", "replace")
        for name, content in snapshot.policies().items()
        if name not in {MANIFEST, DATA}
    }


def _data(snapshot: Snapshot) -> dict[str, Any]:
    """Return the data of all files of `data/`. The catalog belongs to the settings."""
    found: dict[str, Any] = json.loads(snapshot.policies().get(DATA, b"{}"))
    return {name: value for name, value in found.items() if name != _CATALOG}


def _resources(snapshot: Snapshot, name: str) -> dict[str, Any]:
    return resources((snapshot.root / "envoy" / name).read_bytes())


def _routes(snapshot: Snapshot) -> dict[str, Any]:
    return {one["name"]: one for one in _named_routes(_resources(snapshot, "lds.yaml"))}


def _named_routes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every route of every virtual host, wherever a listener holds them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "routes" and isinstance(inner, list):
                yield from (route for route in inner if "name" in route)
            else:
                yield from _named_routes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_routes(inner)


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> Names:
    return Names(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
    )


def _files(old: Snapshot, new: Snapshot) -> tuple[str, ...]:
    told: list[dict[str, str]] = [
        msgspec.json.decode((one.root / "manifest.json").read_bytes()) for one in (old, new)
    ]
    first, second = told
    return tuple(
        name
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name) and name.startswith(("models/", "triton/"))
    )
