"""Detectors and classifiers that run elsewhere: asked beside the built-in detection, in bounds.

One that does not answer in time, or not as its protocol says, is absent: a fact that the policy
decides on. Their findings and scores are facts like all others.
"""

from extauth.external.external import Externals, open_externals
from extauth.external.inquiry import Inquiry
from extauth.external.protocols import Classifier, ExternalDetector

__all__ = ["Classifier", "ExternalDetector", "Externals", "Inquiry", "open_externals"]
