"""Signatures by OPA: of bundles, and of documents in a bundle of their own.

The OPA binary signs and verifies, in some 15 ms each, so that there is one implementation of
https://www.openpolicyagent.org/docs/management-bundles#signing and no key in this process.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.errors import ConfigurationError
from extauth.rego.fault import OpaError
from extauth.rego.opa import Opa
from extauth.snapshot import bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

Algorithm = Literal["RS256", "ES256", "HS256"]

_NAME = "bundle.tar.gz"
_SECONDS = 20.0
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Signer:
    """Signer with the private key, or the secret, in a file."""

    opa: Path
    key: Path
    algorithm: Algorithm

    def sign(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files of a bundle together with their signature.

        Raises ConfigurationError when the key does not fit the algorithm.
        """
        with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
            work = Path(temporary)
            (work / _NAME).write_bytes(bundle.pack(files))
            try:
                Opa(self.opa).sign(
                    _NAME, key=self.key, algorithm=self.algorithm, cwd=work, seconds=_SECONDS
                )
            except OpaError as error:
                raise ConfigurationError(
                    f"can't sign with {self.algorithm}: {error.message[:_LONGEST]}", file=self.key
                ) from None
            return {**files, bundle.SIGNATURES: (work / bundle.SIGNATURES).read_bytes()}

    def seal(self, document: object) -> str:
        """Return the signature of a JSON document, as text."""
        return self.sign(_alone(document))[bundle.SIGNATURES].decode()


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifier with the public key, or the secret, in a file."""

    opa: Path
    key: Path
    algorithm: Algorithm

    def verify(self, files: Mapping[str, bytes]) -> None:
        """Raise ConfigurationError unless the files are those that the key's owner signed."""
        with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
            work = Path(temporary)
            (work / _NAME).write_bytes(bundle.pack(files))
            try:
                Opa(self.opa).verify(
                    _NAME, key=self.key, algorithm=self.algorithm, cwd=work, seconds=_SECONDS
                )
            except OpaError as error:
                raise ConfigurationError(
                    f"the signature is not valid: {error.message[:_LONGEST]}"
                ) from None

    def check(self, document: object, seal: str | None) -> None:
        """Raise ConfigurationError unless `seal` is the signature of the document."""
        if seal is None:
            raise ConfigurationError("the signature is missing")
        self.verify({**_alone(document), bundle.SIGNATURES: seal.encode()})


def _alone(document: object) -> dict[str, bytes]:
    return {"data.json": msgspec.json.encode(document, order="sorted")}
