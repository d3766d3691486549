"""Explanations of decisions and of the single changes that would flip them: `sluice explain`."""

from extauth.assurance.explanation.explain import Explainer
from extauth.assurance.explanation.explained import Explanation

__all__ = ["Explainer", "Explanation"]
