"""Why a figure is missing. There is never a figure for a run that went wrong."""

from __future__ import annotations


class MeasurementFailed(Exception):
    """A contender did not start, or did not answer every request with what it should."""


class WrkMissing(Exception):
    """The load generator is not installed."""
