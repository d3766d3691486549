"""Checks of policies that need no traffic, as findings with file and line."""

from extauth.assurance.checks.run import run_checks

__all__ = ["run_checks"]
