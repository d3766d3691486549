"""Attacks on a model and denied topics in a request; links out of an answer."""

from extauth.guard.guard import Guard
from extauth.guard.links import LinkFilter
from extauth.guard.topics import Topic

__all__ = ["Guard", "LinkFilter", "Topic"]
