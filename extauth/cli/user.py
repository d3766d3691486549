"""Who runs a command."""

from __future__ import annotations


def current_user() -> str | None:
    """The operating system's name of who gives an order, for the audit log; None without one."""
    import getpass

    try:
        return getpass.getuser()[:64] or None
    except (OSError, KeyError):
        return None
