"""The credentials that Envoy sends to model servers: it reads them itself, from their files.

Neither a snapshot nor this process ever holds one. A cluster's filter names a secret, a file of
Envoy's secret discovery names the operator's file, and Envoy reads that anew when it is replaced.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from envoy_data_plane.envoy.config.core.v3 import (
    ApiVersion,
    ConfigSource,
    DataSource,
    PathConfigSource,
    TypedExtensionConfig,
    WatchedDirectory,
)
from envoy_data_plane.envoy.extensions.filters.http.credential_injector.v3 import (
    CredentialInjector,
)
from envoy_data_plane.envoy.extensions.filters.http.upstream_codec.v3 import UpstreamCodec
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.http.injected_credentials.generic.v3 import Generic
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    GenericSecret,
    SdsSecretConfig,
    Secret,
)
from envoy_data_plane.google.protobuf import Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.settings import Settings

PREFIX = "credential-"
"""The beginning of these files' names, beside Envoy's other resources."""

_DIRECTORY = "xds"


def injecting(file: str) -> list[HttpFilter]:
    """Return a cluster's own filters: a request leaves with the credential in `file`, or not."""
    injector = CredentialInjector(
        # The client's own never gets so far, but this does not depend on it.
        overwrite=True,
        allow_request_without_credential=False,
        credential=TypedExtensionConfig(
            name="envoy.http.injected_credentials.generic",
            typed_config=Any.pack(
                Generic(
                    header_value_prefix="Bearer ",
                    credential=SdsSecretConfig(
                        name=_name(file),
                        sds_config=ConfigSource(
                            resource_api_version=ApiVersion.V3,
                            path_config_source=PathConfigSource(
                                path=f"{_DIRECTORY}/{_name(file)}.yaml",
                                watched_directory=WatchedDirectory(path=_DIRECTORY),
                            ),
                        ),
                    ),
                )
            ),
        ),
    )
    return [
        HttpFilter(name="envoy.filters.http.credential_injector", typed_config=Any.pack(injector)),
        HttpFilter(
            name="envoy.filters.http.upstream_codec", typed_config=Any.pack(UpstreamCodec())
        ),
    ]


def secrets(settings: Settings) -> Iterator[tuple[str, Secret]]:
    """Return each file for Envoy's secret discovery by name; none holds a credential.

    The name is made from the content, so that the files of several snapshots stand side by side.
    """
    for backend in settings.backends.values():
        file = backend.credential_file
        if file is not None:
            yield (
                f"{_name(file)}.yaml",
                Secret(
                    name=_name(file),
                    generic_secret=GenericSecret(
                        secret=DataSource(
                            filename=file,
                            watched_directory=WatchedDirectory(path=str(Path(file).parent)),
                        )
                    ),
                ),
            )


def _name(file: str) -> str:
    return PREFIX + sha256(file.encode()).hexdigest()[:16]
