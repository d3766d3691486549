"""A compiled configuration with its policies: on disk, signed, bundled for OPA, and its history."""

from extauth.snapshot.snapshot import Snapshot, Stamp

__all__ = ["Snapshot", "Stamp"]
