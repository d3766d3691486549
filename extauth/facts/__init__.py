"""Everything that policies may know of a request: the policy input, and what it is made from."""

from extauth.facts.facts import (
    Calendar,
    about_model,
    admission_facts,
    at_admission,
    bucket,
    inference_facts,
)

__all__ = [
    "Calendar",
    "about_model",
    "admission_facts",
    "at_admission",
    "bucket",
    "inference_facts",
]
