"""Snapshots: configuration compiled with its policies, on disk, signed, bundled, remembered."""

from extauth.snapshot.snapshot import Snapshot, Stamp

__all__ = ["Snapshot", "Stamp"]
