"""The caller of a request."""

from __future__ import annotations

from typing import Literal

import msgspec


class Consent(msgspec.Struct, frozen=True):
    """The `purposes` that the person behind a credential has agreed to, until the day `expires`.

    `expires` is a date such as 2027-01-31, the last day on which the consent holds; None means
    until it is withdrawn.
    """

    purposes: tuple[str, ...]
    expires: str | None = None


class Principal(msgspec.Struct, frozen=True):
    """The caller, as the credential says. `id` stays the same when the key is rotated.

    `consent` is None where the credential says nothing about consent; `retention` names the class
    that sets how long records of this principal's requests may be kept.
    """

    id: str
    kind: Literal["api_key", "jwt"]
    tenant: str
    tier: str
    roles: tuple[str, ...] = ()
    region: str | None = None
    attributes: dict[str, str] = {}
    consent: Consent | None = None
    retention: str | None = None
