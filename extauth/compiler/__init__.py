"""Configuration and policies to one immutable snapshot. Nothing that serves requests needs this."""

from extauth.compiler.compilation import compile_snapshot
from extauth.compiler.configuration import Configuration
from extauth.settings import Overrides

__all__ = ["Configuration", "Overrides", "compile_snapshot"]
