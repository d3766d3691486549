"""Symmetric signatures of Standard Webhooks, version `v1`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "whsec_"
LEAST, MOST = 24, 64
"""Sizes in bytes that the specification allows for a secret."""


class Secret:
    """A key shared with a webhook's receiver. Nothing prints or returns it."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `whsec_` followed by the base64 of 24 to 64 bytes.

        Raises ConfigurationError, which does not quote the text.
        """
        encoded = text.strip().removeprefix(PREFIX)
        try:
            key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not text.lstrip().startswith(PREFIX) or not LEAST <= len(key) <= MOST:
            raise ConfigurationError(
                f"is not a webhook secret; expected {PREFIX} and {LEAST} to {MOST} bytes in base64"
            )
        return cls(key)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the secret in a file. Blocks. Raises ConfigurationError with the file's name."""
        try:
            return cls.parse(file.read_bytes().decode("utf-8", "replace"))
        except OSError as error:
            raise ConfigurationError(f"can't be read: {error.strerror}", file=file) from None
        except ConfigurationError as error:
            raise ConfigurationError(error.message, file=file) from None

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return a message's `webhook-signature` header; `timestamp` is in unix seconds."""
        signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
        return "v1," + b64encode(hmac.digest(self._key, signed, sha256)).decode()
