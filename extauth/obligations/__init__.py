"""What a decision asks for beyond allow: one enforcer an obligation type."""

from extauth.obligations.draft import Draft
from extauth.obligations.enforce import enforce
from extauth.obligations.limit import clamped, demand

__all__ = ["Draft", "clamped", "demand", "enforce"]
