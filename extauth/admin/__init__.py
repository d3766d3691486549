"""The operators' endpoint on loopback: health, metrics, and taking a new snapshot."""

from extauth.admin.application import create_admin
from extauth.admin.readiness import Readiness

__all__ = ["Readiness", "create_admin"]
