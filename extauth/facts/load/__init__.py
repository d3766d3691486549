"""How busy the model servers are: read once a second, and told to policies as facts.

A request only looks up what was read last. What can't be read is not known, and never looks idle.
"""

from extauth.facts.load.monitor import LoadMonitor

__all__ = ["LoadMonitor"]
