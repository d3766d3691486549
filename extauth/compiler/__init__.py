"""Configuration and policies to one immutable snapshot. Nothing that serves requests needs this."""

from extauth.compiler.compilation import compile_snapshot
from extauth.compiler.source import Source
from extauth.settings import Overrides

__all__ = ["Overrides", "Source", "compile_snapshot"]
