"""Addresses of servers that somebody else runs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from extauth.errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a server listens."""

    host: str
    port: int
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `http[s]://host[:port]`, with any path.

        Raises ConfigurationError, which does not quote the URL: it may hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ConfigurationError("not a URL; expected http://host:port") from None
        if parts.username is not None or parts.password is not None:
            raise ConfigurationError("a URL may not hold credentials")
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigurationError("not a URL; expected http://host:port")
        return cls(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "https")

    @property
    def numeric(self) -> bool:
        """Whether no name needs to be resolved."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True


def trusted_authorities() -> str:
    """The machine's file of certificate authorities. Raises ConfigurationError if it has none."""
    file = ssl.get_default_verify_paths().cafile
    if file is None:
        raise ConfigurationError(
            "an https URL needs this machine's certificate authorities and there are none; "
            "install ca-certificates or set SSL_CERT_FILE"
        )
    return file
