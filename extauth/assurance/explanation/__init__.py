"""Why was this decided, and what would change it? Behind `sluice explain`."""

from extauth.assurance.explanation.explain import Explainer
from extauth.assurance.explanation.explained import Explanation

__all__ = ["Explainer", "Explanation"]
