"""Addresses of servers, and that a password in one is shown to nobody."""

from __future__ import annotations

import pytest

from extauth.compiler.url import Origin
from extauth.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://triton", Origin("triton", 80)),
        ("https://triton", Origin("triton", 443, tls=True)),
        ("http://10.0.0.1:8000", Origin("10.0.0.1", 8000)),
        ("http://[::1]:8000", Origin("::1", 8000)),
        ("https://keys.test/realms/a/jwks.json", Origin("keys.test", 443, tls=True)),
    ],
)
def test_a_url_names_a_host_and_a_port(url: str, origin: Origin) -> None:
    assert Origin.parse(url) == origin


@pytest.mark.parametrize("url", ["triton:8000", "http://", "http://a:99999", "http://[::1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected http://host:port"):
        Origin.parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:hunter2@triton",
        "ftp://ada:hunter2@triton",
        "http://ada:hunter2",
        "http://ada:hunter2@triton:99999",
    ],
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Origin.parse(url)
    assert "hunter2" not in caught.value.message
