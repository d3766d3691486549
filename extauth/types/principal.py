"""Who calls."""

from __future__ import annotations

from typing import Literal

import msgspec


class Consent(msgspec.Struct, frozen=True):
    """What the person behind a credential has agreed to: `purposes`, until the day `expires`.

    The day is as in 2027-01-31 and the last on which it holds; None means until it is withdrawn.
    """

    purposes: tuple[str, ...]
    expires: str | None = None


class Principal(msgspec.Struct, frozen=True):
    """Who calls, as the credential says. `id` is stable over rotations of the key.

    `consent` is None where the credential says nothing of one; `retention` is the class of how
    long records of its requests may be kept.
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
