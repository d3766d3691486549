"""Texts: sensitive data found and masked, attacks recognised, detectors that run elsewhere."""
