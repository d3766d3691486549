"""Detectors and classifiers that run elsewhere: asked beside the built-in detection, in bounds.

One that does not answer in time, or not as its protocol says, is absent: a fact that the policy
decides on. Their findings and scores are facts like all others.
"""

from extauth.content.detectors.external import Externals, open_externals
from extauth.content.detectors.inquiry import Inquiry
from extauth.content.detectors.protocols import Classifier, ExternalDetector

__all__ = ["Classifier", "ExternalDetector", "Externals", "Inquiry", "open_externals"]
