"""The names that tenants, principals and their properties may have.

A tenant never holds a slash, so `<tenant>/<name>` names one principal and no other.
"""

from __future__ import annotations

import re
from datetime import date

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
NAME_RULE = "1 to 63 letters, digits, dots, underscores, @ or hyphens, not a sign first"
MAX_TEXT = 255


def is_name(value: str) -> bool:
    """Return whether `value` can be a tenant, the name of a key, a tier, a role or a region."""
    return NAME.fullmatch(value) is not None


def is_text(value: str) -> bool:
    """Return whether `value` can be a subject or an attribute: printable, not empty, not long."""
    return 0 < len(value) <= MAX_TEXT and value.isprintable()


def is_day(value: str) -> bool:
    """Return whether `value` is a day as in 2027-01-31."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def principal_id(tenant: str, name: str) -> str:
    """The stable id under which policies, ledger and audit know a principal."""
    return f"{tenant}/{name}"
