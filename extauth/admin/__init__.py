"""The operators' endpoint on loopback: health, metrics, snapshots, limits and usage."""

from extauth.admin.application import create_admin
from extauth.admin.erasure import Erasure
from extauth.admin.guard import Guard
from extauth.admin.limits import Limits
from extauth.admin.operations import Operations
from extauth.admin.readiness import Readiness
from extauth.admin.served import Served
from extauth.admin.usage import Usage

__all__ = [
    "Erasure",
    "Guard",
    "Limits",
    "Operations",
    "Readiness",
    "Served",
    "Usage",
    "create_admin",
]
