"""For those who write policies: a repository to begin with, and the reference of what they use."""

from extauth.assurance.authoring.scaffold import make_repository

__all__ = ["make_repository"]
