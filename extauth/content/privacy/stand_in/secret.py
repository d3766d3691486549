"""Stand-ins for secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.content.privacy.stand_in.draw import Draw

# Prefixes that name a token's service, and the lines around a key block. These are not secret.
_PLAIN = re.compile(
    r"-----(?:BEGIN|END) [A-Z0-9 ]+-----"
    r"|\A[a-z][a-z0-9+.\-]{1,24}://"
    r"|\A(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|[sr]k_(?:live|test)_|sk-(?:proj-|ant-)?"
    r"|AKIA|ASIA|AIza|ya29\.|SG\.|npm_|pypi-|hf_|dop_v1_|shp(?:at|ca|pa|ss)_|eyJ)"
)


def secret(text: str, draw: Draw) -> str:
    """Return a secret of the same shape. A service's prefix stays; a checksum may be wrong."""
    pieces: list[str] = []
    last = 0
    for plain in _PLAIN.finditer(text):
        pieces += (draw.like(text[last : plain.start()]), plain.group())
        last = plain.end()
    return "".join(pieces) + draw.like(text[last:])
