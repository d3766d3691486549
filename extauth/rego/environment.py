"""The variables of our environment that the programs we run get to see.

A list of what they need: whatever else a shell holds, secrets above all, stays here. OPA would
take `OPA_...` for options, and a policy of another gateway could read the rest.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INHERITED: Final = (
    *("HOME", "PATH", "TMPDIR"),
    *("LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("SSL_CERT_DIR", "SSL_CERT_FILE"),
)
"""Variables that every program inherits."""


def environment(
    more: Mapping[str, str] | None = None, inherits: Iterable[str] = ()
) -> dict[str, str]:
    """Return the environment of a program: what it inherits, and `more` instead or beside it.

    `inherits` are further names; one that ends in `_` stands for all that begin with it.
    """
    names = (*INHERITED, *inherits)
    exact = frozenset(names)
    prefixes = tuple(name for name in names if name.endswith("_"))
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in exact or (prefixes and name.startswith(prefixes))
    }
    return {**kept, **(more or {})}
