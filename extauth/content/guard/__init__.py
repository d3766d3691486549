"""The guard: attacks on a model and denied topics in a request, and leaking links in an answer."""

from extauth.content.guard.guard import Guard
from extauth.content.guard.links import LinkFilter
from extauth.content.guard.topics import Topic

__all__ = ["Guard", "LinkFilter", "Topic"]
