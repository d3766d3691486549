"""The erasure of a person, store by store, in an order in which it can be done again.

Whatever stops it, the next call finds the person by what is left and does the rest: keys go last,
since they tell which names are one person's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from extauth.audit import Action, ActionLog
from extauth.audit.rewriting import rewrite
from extauth.erasure.content import Rewriting
from extauth.erasure.files import blot_out, configured, forget_replay
from extauth.identity.names import principal_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extauth.audit.log import AuditLog
    from extauth.erasure.person import Person
    from extauth.identity import KeyStore
    from extauth.ledger.ledger import Moved
    from extauth.storage.state import StateDir
    from extauth.types import Clock

    Renaming = Callable[[Mapping[str, str]], Moved]

KIND = "privacy.erase"
CREDENTIAL = "state directory"


class Store(msgspec.Struct, frozen=True):
    """The rows that were changed in a store; of one without rows, its files."""

    store: str
    rewritten: int
    deleted: int


class Erased(NamedTuple):
    """The result of an erasure by store, its number in the audit log, and what is left to do.

    `running` requests of the person had not ended; `configured` are files that come from what
    the operator wrote.
    """

    pseudonym: str
    action: int
    stores: tuple[Store, ...]
    running: int
    configured: tuple[str, ...]


def erase(
    person: Person,
    state: StateDir,
    keys: KeyStore,
    audit: AuditLog,
    rename: Renaming,
    *,
    user: str | None,
    clock: Clock,
) -> Erased:
    """Erase a person from the stores of a gateway and from its state directory.

    `rename` has the ledger go on under other names, and the processes that serve forget what they
    have in memory. `user` is who orders it. Raises SluiceError: then call again.
    """
    secret = state.read_hash_key()
    rewriting = Rewriting(person, secret)
    pseudonym = principal_id(person.tenant, person.pseudonym(person.name, secret))
    log = ActionLog(audit)
    action = Action(
        time=clock(),
        credential=CREDENTIAL,
        user=user,
        kind=KIND,
        subject=pseudonym,
        details={},
        before=[],
    )
    number = log.begin(action)
    _revoke(person, keys, clock())
    moved = rename(rewriting.pseudonyms.names)
    files = blot_out(state, rewriting.pseudonyms)
    replays = forget_replay(state, rewriting.pseudonyms)
    records = rewrite(audit, "record", rewriting.record, number)
    actions = rewrite(audit, "action", rewriting.action, number)
    deleted = sum(keys.erase(person.tenant, name) for name in person.principals)
    stores = (
        Store("keys", 0, deleted),
        Store("ledger", moved.rows, 0),
        Store("audit records", records, 0),
        Store("audit actions", actions, 0),
        Store("other files", files, replays),
    )
    log.complete(number, replace(action, after=list(map(msgspec.to_builtins, stores))))
    left = configured(state, rewriting.pseudonyms)
    return Erased(
        pseudonym,
        number,
        stores,
        moved.left,
        tuple(str(file.relative_to(state.path)) for file in left),
    )


def _revoke(person: Person, keys: KeyStore, now: float) -> None:
    """End the person's keys at once: no request begins while the rest is done."""
    theirs = [key for key in keys.list(tenant=person.tenant) if key.name in person.principals]
    for key in theirs:
        keys.revoke(key.id, now=now)
