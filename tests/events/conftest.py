"""Receivers of webhooks, and their configuration."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from extauth.settings import Webhook
from tests.events.told import Told
from tests.receiver import SECRET, Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    """Start receivers."""
    with ExitStack() as running:
        yield lambda *statuses: running.enter_context(receiving(*statuses))


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """A file with `SECRET`."""
    file = tmp_path / "events.secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def webhook(secret_file: Path) -> Callable[..., Webhook]:
    """Return webhooks to a receiver, signed with `SECRET`."""

    def to(receiver: Receiver, **filters: Any) -> Webhook:
        return Webhook(url=receiver.url, secret_file=str(secret_file), **filters)

    return to


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Assert after every test that neither a secret nor the path of a receiver's URL was logged."""
    caplog.set_level(logging.DEBUG)
    yield
    text = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    assert SECRET.removeprefix("whsec_") not in text
    assert "T0P" not in text


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "server.crt", tmp_path / "server.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture
async def tell() -> AsyncIterator[Callable[..., Told]]:
    """Make notifiers that are closed after the test."""
    made: list[Told] = []

    def make(**options: Any) -> Told:
        made.append(Told(**options))
        return made[-1]

    yield make
    for told in made:
        await told.events.close(grace=0)
