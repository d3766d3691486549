"""Metrics and logs: the state of the gateway, never the content of requests."""
