"""Metrics and logs: how the gateway tells how it is doing, and never what is said through it."""
