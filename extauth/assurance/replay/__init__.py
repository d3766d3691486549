"""Replay: recorded decisions, asked again of other policies.

Workers import only their part, so this package imports nothing.
"""
