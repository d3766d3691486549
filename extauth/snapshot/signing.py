"""Signatures as OPA makes them: of bundles, and of documents that travel as one.

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
from extauth.rego.process import run
from extauth.snapshot import bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

Algorithm = Literal["RS256", "ES256", "HS256"]

_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with the private key, or the secret, in a file."""

    opa: Path
    key: Path
    algorithm: Algorithm

    def sign(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The files of a bundle together with their signature.

        Raises ConfigurationError when the key is none for the algorithm.
        """
        with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
            work = Path(temporary)
            (work / "bundle.tar.gz").write_bytes(bundle.pack(files))
            failure = _run(
                self.opa, work, "sign",
                *("--signing-key", str(self.key), "--signing-alg", self.algorithm),
                *("--bundle", "bundle.tar.gz", "--output-file-path", "."),
            )  # fmt: skip
            if failure is not None:
                raise ConfigurationError(
                    f"can't sign with {self.algorithm}: {failure}", file=self.key
                )
            return {**files, bundle.SIGNATURES: (work / bundle.SIGNATURES).read_bytes()}

    def seal(self, document: object) -> str:
        """The signature of a JSON document, as text."""
        return self.sign(_alone(document))[bundle.SIGNATURES].decode()


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies with the public key, or the secret, in a file."""

    opa: Path
    key: Path
    algorithm: Algorithm

    def verify(self, files: Mapping[str, bytes]) -> None:
        """Raise ConfigurationError unless the files are those that the key's owner signed."""
        with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
            work = Path(temporary)
            (work / "bundle.tar.gz").write_bytes(bundle.pack(files))
            failure = _run(
                self.opa, work, "build",
                *("--verification-key", str(self.key), "--signing-alg", self.algorithm),
                *("--bundle", "bundle.tar.gz", "--output", "verified.tar.gz"),
            )  # fmt: skip
        if failure is not None:
            raise ConfigurationError(f"the signature is not valid: {failure}")

    def check(self, document: object, seal: str | None) -> None:
        """Raise ConfigurationError unless `seal` is the signature of the document."""
        if seal is None:
            raise ConfigurationError("the signature is missing")
        self.verify({**_alone(document), bundle.SIGNATURES: seal.encode()})


def _alone(document: object) -> dict[str, bytes]:
    return {"data.json": msgspec.json.encode(document, order="sorted")}


def _run(opa: Path, work: Path, *arguments: str) -> str | None:
    """Run OPA; None, or what it says is wrong."""
    done = run(opa, *arguments, cwd=work, seconds=_SECONDS)
    if done.late:
        return f"OPA took more than {_SECONDS} s"
    if done.status == 0:
        return None
    return done.words.removeprefix("error: ").removeprefix("load error: ")[:300]
