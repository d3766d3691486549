"""Sensitive data: found in a prompt, kept from the model, put back into its answer."""

from extauth.privacy.detector import Detector
from extauth.privacy.finding import KINDS, Finding, Kind
from extauth.privacy.masker import Masked, Masker, Treatment
from extauth.privacy.overlap import resolve
from extauth.privacy.restorer import Restorer, StreamRestorer

__all__ = [
    "KINDS",
    "Detector",
    "Finding",
    "Kind",
    "Masked",
    "Masker",
    "Restorer",
    "StreamRestorer",
    "Treatment",
    "resolve",
]
