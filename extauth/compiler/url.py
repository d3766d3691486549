"""Addresses of servers that somebody else runs."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import parse_qs, urlsplit

from extauth.errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}
_TLS = frozenset({"disable", "require", "verify-ca", "verify-full"})
"""The modes of libpq that never go on without TLS, and the one that says to."""

_DATABASE = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Origin:
    """The address of a server."""

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
    def authority(self) -> str:
        """The host as a request to it names it: with its port, where that is not the scheme's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS["https" if self.tls else "http"]
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """True if it is this machine, over no network."""
        return self.host == "localhost" or (self.numeric and ip_address(self.host).is_loopback)

    @property
    def numeric(self) -> bool:
        """True if no name needs to be resolved."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True


def check_store(url: str) -> None:
    """Hold `url` to what names a Redis: `redis[s]://host[:port][/db]` or `unix:///path[?db=n]`.

    A user name may stand in it, a password not. Raises ConfigurationError, which does not quote it.
    """
    expected = "expected redis://host:6379/0, rediss://host:6379/0 or unix:///path?db=0"
    try:
        parts = urlsplit(url)
        valid = parts.port != 0
    except ValueError:
        raise ConfigurationError(f"not a URL of Redis; {expected}") from None
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.password is not None or "password" in query:
        raise ConfigurationError(
            "a URL may not hold a password; write it to a file and name that in password_file"
        )
    if parts.scheme == "unix":
        numbers = query.pop("db", [])
        valid = parts.path.startswith("/") and not parts.hostname and len(numbers) <= 1
    else:
        valid = valid and parts.scheme in {"redis", "rediss"} and bool(parts.hostname)
        numbers = [parts.path.strip("/")] if parts.path.strip("/") else []
    if not valid or query or parts.fragment or not all(map(_DATABASE.fullmatch, numbers)):
        raise ConfigurationError(f"not a URL of Redis; {expected}")


def check_postgres(url: str) -> None:
    """Hold `url` to what names a database: `postgresql://[user@]host[:port]/database`.

    Its query may say `sslmode`, which goes without TLS only when it says so, `sslrootcert`, and in
    place of a host the directory of a unix socket. A user name may stand in it, a password not.
    Raises ConfigurationError, which does not quote it.
    """
    expected = (
        "expected postgresql://user@host:5432/database or "
        "postgresql://user@/database?host=/directory"
    )
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "postgresql" and parts.port != 0
    except ValueError:
        raise ConfigurationError(f"not a URL of PostgreSQL; {expected}") from None
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.password is not None or query.keys() & {"password", "passfile", "sslpassword"}:
        raise ConfigurationError(
            "a URL may not hold a password; write it to a file and name that in password_file"
        )
    directories = query.pop("host", [])
    modes = query.pop("sslmode", [])
    query.pop("sslrootcert", None)
    if not set(modes) <= _TLS:
        raise ConfigurationError(f"sslmode must be one of {', '.join(sorted(_TLS))}")
    if directories:
        valid = valid and not parts.hostname and all(one.startswith("/") for one in directories)
    else:
        valid = valid and bool(parts.hostname)
    database = parts.path.strip("/")
    if not valid or query or parts.fragment or not database or "/" in database:
        raise ConfigurationError(f"not a URL of PostgreSQL; {expected}")


def trusted_authorities() -> str:
    """The machine's file of certificate authorities. Raises ConfigurationError if it has none."""
    file = ssl.get_default_verify_paths().cafile
    if file is None:
        raise ConfigurationError(
            "an https URL needs this machine's certificate authorities and there are none; "
            "install ca-certificates or set SSL_CERT_FILE"
        )
    return file
