"""The facts that policies may know about a request: the policy input and its sources."""

from extauth.facts.facts import (
    Calendar,
    about_model,
    admission_facts,
    at_admission,
    bucket,
    inference_facts,
    listing_facts,
)

__all__ = [
    "Calendar",
    "about_model",
    "admission_facts",
    "at_admission",
    "bucket",
    "inference_facts",
    "listing_facts",
]
