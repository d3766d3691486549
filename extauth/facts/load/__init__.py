"""The load of the model servers: read once a second, and given to policies as facts.

A request uses the last reading and never waits for one. A load that can't be read is unknown, which
is not the same as idle.
"""

from extauth.facts.load.monitor import LoadMonitor

__all__ = ["LoadMonitor"]
