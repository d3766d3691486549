"""The resource files that Envoy watches, as YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import betterproto2
from envoy_data_plane.envoy.service.discovery.v3 import DiscoveryResponse
from envoy_data_plane.google.protobuf import Any

from extauth.compiler.envoy_file import dump
from extauth.compiler.proxy.clusters import clusters
from extauth.compiler.proxy.credentials import secrets
from extauth.compiler.proxy.inside import inside
from extauth.compiler.proxy.listener import listener

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.settings import Overrides, Settings


def render(settings: Settings, overrides: Overrides) -> dict[str, bytes]:
    """Return `lds.yaml`, `cds.yaml`, and a file for each credential by its name.

    Equal settings give equal bytes. Raises ConfigurationError.
    """
    return {
        **{name: _document([secret]) for name, secret in secrets(settings)},
        "cds.yaml": _document(clusters(settings, overrides)),
        "lds.yaml": _document([listener(settings, overrides), inside()]),
    }


def _document(resources: Iterable[betterproto2.Message]) -> bytes:
    response = DiscoveryResponse(resources=[Any.pack(resource) for resource in resources])
    # The fields' names are those of the proto already: snake case would make 5xx 5_xx.
    document = response.to_dict(casing=str)  # type: ignore[arg-type]  # any function of a name does
    return dump(document)
