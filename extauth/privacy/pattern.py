"""Moved to `extauth.pattern`."""

from extauth.pattern import Match, Pattern, PatternSet, compile_pattern

__all__ = ["Match", "Pattern", "PatternSet", "compile_pattern"]
