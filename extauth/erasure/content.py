"""Audit records and actions after a person in them was erased.

Facts stay, so that sums and replays stay right: who it was goes. Of the person's own records also
the attributes but the team, and of the address the part that tells one household from another.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.identity.names import principal_id
from extauth.types.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from extauth.erasure.person import Person

SHARED = frozenset({"team"})
"""Attributes that name a group by the gateway's own meaning."""

_PREFIX = {4: 24, 6: 48}


class Rewriting:
    """Rewrites contents that tell of one person. Immutable; safe for any thread."""

    def __init__(self, person: Person, key: bytes) -> None:
        """`key` is what pseudonyms are made with."""
        self._ids = {
            principal_id(person.tenant, name): person.pseudonym(name, key)
            for name in person.principals
        }
        self.pseudonyms = person.pseudonyms(key)
        self._key = key
        self._person = person

    def record(self, content: bytes) -> bytes | None:
        """An audit record without the person; None where it is not in it."""
        if not self.pseudonyms.stand_in(content):
            return None
        record: dict[str, Any] = msgspec.json.decode(content)
        principal = record.get("principal") or {}
        if principal.get("id") in self._ids:
            self._own(record, self._ids[principal["id"]])
        elif self.pseudonyms.of(str(principal.get("id"))) != principal.get("id"):
            # Another one, whose id only begins alike: a token's subject may hold any sign.
            return None
        return msgspec.json.encode(self.pseudonyms.deeply(record))

    def action(self, content: bytes) -> bytes | None:
        """An action that was about the person; None where it was not."""
        if not self.pseudonyms.stand_in(content):
            return None
        return msgspec.json.encode(self.pseudonyms.deeply(msgspec.json.decode(content)))

    def _own(self, record: dict[str, Any], pseudonym: str) -> None:
        hidden = {record["source"]: _network(record["source"])}
        facts = record.get("facts") or {}
        for principal in (record["principal"], facts.get("principal") or {}):
            for name, value in principal.get("attributes", {}).items():
                if name not in SHARED:
                    made = self._person.pseudonym(value, self._key)
                    principal["attributes"][name] = made if name == "user" else pseudonym
                    hidden[value] = principal["attributes"][name]
        record["source"] = hidden[record["source"]]
        if facts.get("source"):
            facts["source"]["ip"] = _network(facts["source"]["ip"])
        # A policy may have put them into what it says.
        told = Pseudonyms(hidden)
        for reason in (record.get("decision") or {}).get("reasons", ()):
            reason["message"] = told.of(reason["message"])


def _network(address: str) -> str:
    """The network that an address is in; an address that is none tells nothing."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((parsed, _PREFIX[parsed.version]), strict=False).network_address)
