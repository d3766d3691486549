"""Sensitive data: found in a prompt, kept from the model, put back into its answer."""

from extauth.privacy.answer import AnswerFilter, AnswerFilters
from extauth.privacy.detector import Detector
from extauth.privacy.finding import KINDS, Finding
from extauth.privacy.hashing import KeyedHash
from extauth.privacy.masker import Masked, Masker
from extauth.privacy.overlap import resolve
from extauth.privacy.restorer import Restorer, StreamRestorer
from extauth.privacy.substitute import Substitutes
from extauth.privacy.terms import Terms, term_faults

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
