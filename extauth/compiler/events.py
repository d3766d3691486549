"""`events` of gateway.yaml: webhooks, and secrets that can sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.compiler.url import Origin
from extauth.errors import ConfigurationError
from extauth.settings import EventSettings, Webhook

if TYPE_CHECKING:
    from extauth.compiler.fields import Fields


def read_events(fields: Fields) -> EventSettings:
    """Read it. Raises ConfigurationError with the line; no part of a secret is in it."""
    webhooks = (fields.at("events") or {}).get("webhooks", ())
    return EventSettings(tuple(_webhook(fields, index) for index in range(len(webhooks))))


def _webhook(fields: Fields, index: int) -> Webhook:
    # What delivers brings an HTTP client; only configurations with webhooks wait for its import.
    from extauth.events import Secret  # noqa: PLC0415

    place = ("events", "webhooks", index)
    url = str(fields.url(*place, "url"))
    origin = Origin.parse(url)
    if not (origin.tls or origin.loopback):
        raise fields.error((*place, "url"), "expected https; http is for this machine alone")
    file = fields.secret(*place, "secret_file")
    try:
        Secret.read(file)
    except ConfigurationError as error:
        raise fields.error((*place, "secret_file"), error.message) from None
    return Webhook(
        url=url,
        secret_file=str(file),
        tenants=tuple(fields.at(*place, "tenants") or ()),
        limits=tuple(fields.at(*place, "limits") or ()),
    )
