"""The API keys of the demo: made at the first start, shown again at every later one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import InvalidRequest, StackError
from extauth.storage.state import write_secret
from extauth.stores import open_stores

if TYPE_CHECKING:
    from extauth.identity import KeyStore
    from extauth.settings import DemoKey, Settings
    from extauth.storage.state import StateDir


class Credential(msgspec.Struct, frozen=True):
    """An API key in plain text, and its principal. `id` is its public part."""

    id: str
    key: str
    name: str
    tenant: str
    tier: str
    roles: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Credential(id={self.id!r}, name={self.name!r}, tenant={self.tenant!r})"


def demo_keys(state: StateDir, settings: Settings) -> tuple[Credential, ...]:
    """Make the demo's keys that are missing, and return those that work.

    Raises StackError when the key store or the file of plain texts can't be used.
    """
    known = {(one.tenant, one.name): one for one in read_demo_keys(state)}
    wanted = settings.identity.demo_keys
    with open_stores(state, settings) as stores:
        store = stores.keys()
        for one in wanted:
            if (one.tenant, one.name) in known:
                continue
            made = _create(store, one)
            if made:
                known[one.tenant, one.name] = made
        write_secret(state.demo_keys, msgspec.json.encode(list(known.values())).decode() + "\n")
        now = time.time()
        working = {key.id for key in store.list() if key.works(now)}
    chosen = (known.get((one.tenant, one.name)) for one in wanted)
    return tuple(one for one in chosen if one and one.id in working)


def read_demo_keys(state: StateDir) -> tuple[Credential, ...]:
    """Return the keys in the state directory, also those that no longer work."""
    try:
        data = state.demo_keys.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StackError(f"cannot read {state.demo_keys}: {error.strerror}") from None
    try:
        return msgspec.json.decode(data, type=tuple[Credential, ...])
    except msgspec.MsgspecError:
        raise StackError(f"{state.demo_keys} is damaged; remove it") from None


def _create(store: KeyStore, wanted: DemoKey) -> Credential | None:
    try:
        key, plaintext = store.create(
            name=wanted.name,
            tenant=wanted.tenant,
            tier=wanted.tier,
            roles=wanted.roles,
            region=wanted.region,
            attributes=wanted.attributes,
            now=time.time(),
        )
    except InvalidRequest:
        # An operator made a key of that name, and its plain text is not ours to show.
        return None
    return Credential(
        id=key.id,
        key=plaintext,
        name=wanted.name,
        tenant=wanted.tenant,
        tier=wanted.tier,
        roles=wanted.roles,
    )
