"""envoy-data-plane's messages as the dataclasses that they are typed as.

The package makes a pydantic model of each. That is 2 s of a cold `sluice apply` for checking, at
run time, types that mypy has checked, in messages that Envoy itself validates.
"""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pydantic.dataclasses

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def plain() -> Iterator[None]:
    """Wrap the first import of `envoy_data_plane`; nothing else, and in no thread."""
    original = pydantic.dataclasses.dataclass
    pydantic.dataclasses.dataclass = _dataclass  # type: ignore[assignment]
    try:
        yield
    finally:
        pydantic.dataclasses.dataclass = original


def _dataclass(*, config: object, **options: Any) -> Any:
    """`pydantic.dataclasses.dataclass` as generated code calls it."""
    del config
    return dataclasses.dataclass(**options)
