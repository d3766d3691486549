"""The operators' endpoint on loopback: health, metrics, and taking a new snapshot."""

from extauth.admin.application import create_admin
from extauth.admin.readiness import Readiness
from extauth.admin.served import Served

__all__ = ["Readiness", "Served", "create_admin"]
