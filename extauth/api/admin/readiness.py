"""Whether the service can do its work."""

from __future__ import annotations

import msgspec


class Readiness(msgspec.Struct, frozen=True):
    """The parts that do not work now, by name. Everything works when there is none."""

    failing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether requests can be served."""
        return not self.failing
