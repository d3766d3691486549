"""The operators' endpoint on loopback: health, metrics, snapshots, limits and usage."""

from extauth.api.admin.application import create_admin
from extauth.api.admin.erasure import Erasure
from extauth.api.admin.guard import Guard
from extauth.api.admin.limits import Limits
from extauth.api.admin.operations import Operations
from extauth.api.admin.readiness import Readiness
from extauth.api.admin.served import Served
from extauth.api.admin.usage import Usage

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
