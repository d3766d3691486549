"""An explanation as JSON: what `extauth.assurance.explanation.explained` describes, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from extauth.assurance.explanation.explained import Explanation


def render(explanation: Explanation) -> str:
    """One JSON object over several lines."""
    return msgspec.json.format(msgspec.json.encode(explanation)).decode() + "\n"
