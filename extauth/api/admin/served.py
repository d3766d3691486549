"""What the service serves now."""

from __future__ import annotations

import msgspec


class Served(msgspec.Struct, frozen=True):
    """The snapshot that new requests are decided by, and those that earlier ones still are."""

    digest: str
    sequence: int
    retiring: tuple[str, ...] = ()
