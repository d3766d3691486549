"""Envoy's resources for a set of settings: one listener, its routes and clusters."""

from extauth.compiler.proxy.models import plain

with plain():
    from extauth.compiler.proxy.resources import render

__all__ = ["render"]
