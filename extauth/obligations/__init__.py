"""What a decision asks for beyond allow: one enforcer an obligation type."""

from extauth.obligations.context import check as check_context
from extauth.obligations.draft import Draft
from extauth.obligations.enforce import enforce
from extauth.obligations.limit import clamped, demand, granted_tokens

__all__ = ["Draft", "check_context", "clamped", "demand", "enforce", "granted_tokens"]
