"""Sensitive data: found in a prompt, kept from the model, restored in the answer."""

from extauth.content.privacy.answer import AnswerFilter, AnswerFilters
from extauth.content.privacy.detector import Detector
from extauth.content.privacy.finding import KINDS, Finding
from extauth.content.privacy.hashing import KeyedHash
from extauth.content.privacy.masker import Masked, Masker
from extauth.content.privacy.overlap import resolve
from extauth.content.privacy.restorer import Restorer, StreamRestorer
from extauth.content.privacy.substitute import Substitutes
from extauth.content.privacy.terms import Terms, term_faults

__all__ = [
    "KINDS",
    "AnswerFilter",
    "AnswerFilters",
    "Detector",
    "Finding",
    "KeyedHash",
    "Masked",
    "Masker",
    "Restorer",
    "StreamRestorer",
    "Substitutes",
    "Terms",
    "resolve",
    "term_faults",
]
