"""Obligations: what a decision asks for beyond allow. A file each, and a row in `table`."""

from extauth.obligations.clamp import Clamp
from extauth.obligations.context import Context
from extauth.obligations.context import check as check_context
from extauth.obligations.decision import Admission, Decision, Reason, Route
from extauth.obligations.draft import Draft, draft_of
from extauth.obligations.guard import AnswerGuard
from extauth.obligations.mask import Mask, Treatment
from extauth.obligations.settle import Settle
from extauth.obligations.table import ENFORCED, Obligation, ObligationName, enforce

__all__ = [
    "ENFORCED",
    "Admission",
    "AnswerGuard",
    "Clamp",
    "Context",
    "Decision",
    "Draft",
    "Mask",
    "Obligation",
    "ObligationName",
    "Reason",
    "Route",
    "Settle",
    "Treatment",
    "check_context",
    "draft_of",
    "enforce",
]
