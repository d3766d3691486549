"""Files that come with the product: `schemas/`, `policies/`, `ci/` and Envoy's bootstrap.

They stand beside the package in a checkout and under `extauth/share/` in a wheel.
"""

from __future__ import annotations

from pathlib import Path

from extauth.errors import StackError

_PACKAGE = Path(__file__).resolve().parents[1]


def schema(name: str) -> Path:
    """Return the JSON Schema called `name`, such as `gateway`. Raises StackError if missing."""
    return _find(Path("schemas") / f"{name}.schema.json")


def bootstrap() -> Path:
    """Return Envoy's bootstrap configuration. Raises StackError if it is missing."""
    return _find(Path("envoy") / "bootstrap.yaml")


def policies() -> Path:
    """Return the directory of the shipped policies. Raises StackError if it is missing."""
    return _find(Path("policies"))


def ci_templates() -> Path:
    """Return the directory of a policy repository's CI templates. Raises StackError if missing."""
    return _find(Path("ci"))


def _find(relative: Path) -> Path:
    for root in (_PACKAGE / "share", _PACKAGE.parent):
        if (file := root / relative).exists():
            return file
    raise StackError(f"{relative} is missing from this installation; install sluicegate again")
