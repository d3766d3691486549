"""The operators' endpoint on loopback: health, metrics, snapshots, limits and usage."""

from extauth.api.admin.application import create_admin
from extauth.api.admin.endpoint import AdminFeature, TokenCheck
from extauth.api.admin.erasure import ErasureEndpoint
from extauth.api.admin.limits import LimitsEndpoint
from extauth.api.admin.operations import Operations, Readiness, Served
from extauth.api.admin.usage import UsageEndpoint

__all__ = [
    "AdminFeature",
    "ErasureEndpoint",
    "LimitsEndpoint",
    "Operations",
    "Readiness",
    "Served",
    "TokenCheck",
    "UsageEndpoint",
    "create_admin",
]
