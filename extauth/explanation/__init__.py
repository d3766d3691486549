"""Why was this decided, and what would change it? Behind `sluice explain`."""

from extauth.explanation.explain import Explainer
from extauth.explanation.explained import Explanation

__all__ = ["Explainer", "Explanation"]
