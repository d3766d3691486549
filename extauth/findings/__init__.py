"""What a check of policies has found, and the formats in which people and machines read it."""

from extauth.findings.finding import Check, Finding, Level, Report
from extauth.findings.formats import FORMATS, Format, render

__all__ = ["FORMATS", "Check", "Finding", "Format", "Level", "Report", "render"]
