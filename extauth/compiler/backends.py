"""`backends` of gateway.yaml: what each server speaks, where it is, and what Envoy needs for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from extauth.compiler.url import Origin
from extauth.settings import BackendSettings

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.compiler.fields import Fields
    from extauth.settings import Overrides

PROCESSOR = "ext_proc"
AUTHORIZATION = "ext_authz"
PORTAL = "portal"
RESERVED = frozenset({PROCESSOR, AUTHORIZATION, PORTAL})
"""Names that no backend may take."""

_TRITONS = ("embedded", "profile", "metrics_url")
_LARGEST_CREDENTIAL = 8 << 10

Section = tuple[str, str]


def jwks_cluster(name: str) -> str:
    """Return the cluster of an issuer's key server."""
    return f"jwks-{name}"


def read_backends(fields: Fields, overrides: Overrides) -> dict[str, BackendSettings]:
    """Read them all. Raises ConfigurationError with the line, whatever is wrong."""
    given = fields.at("backends")
    embedded = [
        name
        for name, backend in given.items()
        if backend["kind"] == "triton" and backend.get("embedded")
    ]
    if len(embedded) > 1:
        raise fields.error(("backends", embedded[0]), "only one backend can be the embedded server")
    return {name: _backend(fields, ("backends", name), overrides) for name in given}


def _backend(fields: Fields, place: Section, overrides: Overrides) -> BackendSettings:
    backend, name = fields.at(*place), place[1]
    if name in RESERVED or name.startswith(jwks_cluster("")):
        raise fields.error(place, "the gateway needs this name itself; choose another")
    if backend["kind"] == "openai":
        for key in _TRITONS:
            if key in backend:
                raise fields.error((*place, key), "only `kind: triton` has it")
        if "url" not in backend:
            raise fields.error(place, "the key url is missing: where the server is")
    embedded = backend.get("embedded", False)
    if embedded == ("url" in backend):
        raise fields.error(place, "expected either `embedded: true` or a `url`")
    for key in ("metrics_url", "ca_file", "credential_file"):
        if embedded and key in backend:
            raise fields.error(
                (*place, key), "leave it out: the stack knows where its own server is"
            )
    url = fields.url(*place, "url")
    return BackendSettings(
        name=name,
        cluster=name,
        kind=backend["kind"],
        profile=backend.get("profile", "cpu"),
        region=backend["region"],
        url=url,
        metrics_url=f"http://127.0.0.1:{overrides.triton_metrics_port}/metrics"
        if embedded
        else fields.url(*place, "metrics_url"),
        **_secured(fields, place, backend, url),
    )


def _secured(
    fields: Fields, place: Section, backend: dict[str, Any], url: str | None
) -> dict[str, str]:
    """Return the files that Envoy reads: authorities to verify with, and the credential."""
    if url is None:
        return {}
    origin, parts = Origin.parse(url), urlsplit(url)
    if parts.query or parts.fragment:
        raise fields.error((*place, "url"), "a backend's url may not have a query or a fragment")
    files: dict[str, str] = {}
    if "ca_file" in backend:
        if not origin.tls:
            raise fields.error((*place, "ca_file"), "only an https url has a certificate")
        files["ca_file"] = str(fields.file(*place, "ca_file").resolve())
    if "credential_file" in backend:
        if not (origin.tls or origin.loopback):
            raise fields.error(
                (*place, "url"), "expected https: a credential goes over http to this machine alone"
            )
        files["credential_file"] = str(_credential(fields, (*place, "credential_file")))
    return files


def _credential(fields: Fields, place: tuple[str, str, str]) -> Path:
    """Return the file of a credential. It is not read here: Envoy alone does."""
    # Not resolved: where a link is replaced, the new file counts.
    file = fields.secret(*place).absolute()
    if not 0 < file.stat().st_size <= _LARGEST_CREDENTIAL:
        raise fields.error(
            place, f"{file} is empty or too large; expected the credential alone, on one line"
        )
    return file
