"""The builtins that policies may call: those whose value follows from their operands alone.

OPA marks the ones that ask the network, the environment, the clock or chance as nondeterministic,
and these are left out. `UNMARKED` are left out too: OPA 1.19 does not mark them.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from extauth.errors import StackError
from extauth.rego.process import run

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.rego.fault import OpaFault

UNMARKED: Final = frozenset(
    {
        # A schema may refer to others, which they fetch.
        "json.match_schema",
        "json.verify_schema",
        # Certificates are valid by the clock.
        "crypto.x509.parse_and_verify_certificates",
        "crypto.x509.parse_and_verify_certificates_with_options",
    }
)

_UNDEFINED: Final = "undefined function "


class Capabilities(msgspec.Struct, frozen=True):
    """Capabilities of an OPA, without the builtins in `forbidden` and without remote schemas.

    `descriptor` is an open file in memory that holds them as OPA reads them. It stays open, and a
    process that is given it finds the file at `path`.
    """

    descriptor: int
    forbidden: frozenset[str]

    @property
    def path(self) -> str:
        """The place of the file, for a process that is given the descriptor."""
        return f"/proc/self/fd/{self.descriptor}"

    def told(self, fault: OpaFault) -> OpaFault:
        """Return the fault in words that say why, where it is a call of a forbidden builtin."""
        name = fault.message.removeprefix(_UNDEFINED)
        if name == fault.message or name not in self.forbidden:
            return fault
        return msgspec.structs.replace(
            fault,
            message=f"{name} can't be called here: a decision follows from the input and the data "
            "alone, not from the network, the environment, the clock or chance",
        )


def capabilities(opa: Path) -> Capabilities:
    """Return the capabilities of this OPA, asked once. Raises StackError when it can't be run."""
    try:
        changed = opa.stat().st_mtime_ns
    except OSError as error:
        raise StackError(f"{opa} can't be run: {error.strerror}") from None
    return _capabilities(opa, changed)


@cache
def _capabilities(opa: Path, changed: int) -> Capabilities:
    del changed  # another binary at the same path is asked anew
    try:
        told: dict[str, Any] = msgspec.json.decode(run(opa, "capabilities", "--current").out)
        forbidden = frozenset(
            builtin["name"]
            for builtin in told["builtins"]
            if builtin.get("nondeterministic") or builtin["name"] in UNMARKED
        )
    except (msgspec.MsgspecError, LookupError, TypeError):
        raise StackError(f"{opa} does not tell its capabilities: it is not an OPA") from None
    allowed = [each for each in told["builtins"] if each["name"] not in forbidden]
    descriptor = os.memfd_create("capabilities.json")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(msgspec.json.encode({**told, "builtins": allowed, "allow_net": []}))
    return Capabilities(descriptor, forbidden)
