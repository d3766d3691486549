"""Findings of checks, and the formats in which people and machines read them."""

from extauth.assurance.findings.finding import Check, Diagnostic, Report, Severity
from extauth.assurance.findings.formats import FORMATS, Format, render

__all__ = ["FORMATS", "Check", "Diagnostic", "Format", "Report", "Severity", "render"]
