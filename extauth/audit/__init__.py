"""The record of every request: facts, decision and outcome, never content."""

from extauth.audit.action import Action, ActionLog
from extauth.audit.log import AuditLog
from extauth.audit.record import AuditRecord, Outcome, TrialPart
from extauth.audit.strangers import Strangers
from extauth.audit.writer import AuditWriter

__all__ = [
    "Action",
    "ActionLog",
    "AuditLog",
    "AuditRecord",
    "AuditWriter",
    "Outcome",
    "Strangers",
    "TrialPart",
]
