"""Texts with «marks» around the expected findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.content.privacy import Detector


def found(detector: Detector, marked: str, kind: str) -> str:
    """Return the text of `marked` with marks around the findings of `kind`."""
    text = marked.replace("«", "").replace("»", "")
    shown, done = "", 0
    for finding in detector.detect(text):
        if finding.kind == kind:
            shown += f"{text[done : finding.start]}«{text[finding.start : finding.end]}»"
            done = finding.end
    return shown + text[done:]
