"""External detectors and classifiers, asked beside the built-in detection, within bounds.

A service that does not answer in time, or not as its protocol says, is absent, which is a fact for
the policy to decide on. Findings and scores are facts like all others.
"""

from extauth.content.detectors.external import ExternalServices, open_externals
from extauth.content.detectors.inquiry import Inquiry
from extauth.content.detectors.protocols import Classifier, ExternalDetector

__all__ = ["Classifier", "ExternalDetector", "ExternalServices", "Inquiry", "open_externals"]
