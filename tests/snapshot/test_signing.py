"""Signatures of bundles and documents, by OPA's own hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from extauth.errors import ConfigurationError
from extauth.snapshot import bundle
from extauth.snapshot.signing import Signer, Verifier
from extauth.stack.engines.opa import find_opa

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.snapshot.signing import Algorithm

FILES = {"a.rego": b"package a\n\nb := 1\n", "data.json": b'{"c": 2}'}


def pair(directory: Path, algorithm: Algorithm) -> tuple[Signer, Verifier]:
    """A new key of this kind, on both sides."""
    directory.mkdir()
    private, public = directory / "key", directory / "key.pub"
    if algorithm == "HS256":
        private.write_text(f"a secret of {directory.name}, long enough")
        public = private
    else:
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
    opa = find_opa().path
    return Signer(opa, private, algorithm), Verifier(opa, public, algorithm)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "HS256"])
def test_what_is_signed_is_verified_and_nothing_else(tmp_path: Path, algorithm: Algorithm) -> None:
    signer, verifier = pair(tmp_path / "one", algorithm)
    _, other = pair(tmp_path / "two", algorithm)
    signed = signer.sign(FILES)
    verifier.verify(signed)
    for changed in (
        FILES,
        signed | {"a.rego": b"package a\n\nb := 2\n"},
        signed | {"more.rego": b"package more\n"},
        {name: content for name, content in signed.items() if name != "data.json"},
        signed | {bundle.SIGNATURES: signer.sign({"data.json": b"{}"})[bundle.SIGNATURES]},
    ):
        with pytest.raises(ConfigurationError, match="the signature is not valid: "):
            verifier.verify(changed)
    with pytest.raises(ConfigurationError, match="the signature is not valid: "):
        other.verify(signed)


def test_an_algorithm_is_not_the_signers_to_choose(tmp_path: Path) -> None:
    """The public key as the secret of HS256 is an old trick."""
    _, verifier = pair(tmp_path / "one", "RS256")
    forged = Signer(verifier.opa, verifier.key, "HS256").sign(FILES)
    with pytest.raises(ConfigurationError, match="not valid"):
        verifier.verify(forged)


def test_documents(tmp_path: Path) -> None:
    signer, verifier = pair(tmp_path / "one", "ES256")
    seal = signer.seal({"sequence": 1})
    verifier.check({"sequence": 1}, seal)
    with pytest.raises(ConfigurationError, match="not valid"):
        verifier.check({"sequence": 2}, seal)
    with pytest.raises(ConfigurationError, match="missing"):
        verifier.check({"sequence": 1}, None)


def test_a_key_that_is_none_is_named_and_not_shown(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("hunter2")
    with pytest.raises(ConfigurationError) as caught:
        Signer(find_opa().path, key, "RS256").sign(FILES)
    assert caught.value.message.startswith(f"{key}: can't sign with RS256: ")
    assert "hunter2" not in caught.value.message
