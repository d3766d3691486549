"""Signing keys, and what a gateway makes of snapshots that were signed with others."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.site import Site


def keys(directory: Path) -> dict[str, str]:
    """An ES256 pair, as `policy.signing`."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = directory / "key.pem", directory / "key.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return {"algorithm": "ES256", "key": str(private), "public_key": str(public)}


def only_what_is_signed_is_taken(site: Site) -> None:
    """By a site with keys in its root: what is active there denies a viewer, the former did not."""
    former = site.history()[0]["previous"]

    # Somebody who can write files but has no key stamps the former snapshot anew.
    stamp = site.state.snapshots / former / "stamp.json"
    genuine = json.loads(stamp.read_text())
    stamp.write_text(json.dumps(genuine | {"sequence": 9}))
    done = site.stack.fails("rollback")
    assert "the signature is not valid" in done.stderr
    assert len(done.stderr.splitlines()[-1]) < 400
    assert not site.allowed()
    stamp.write_text(json.dumps(genuine | {"seal": None}))
    assert "the signature is missing" in site.stack.fails("rollback").stderr
    assert not site.allowed()
    stamp.write_text(json.dumps(genuine))
    site.stack.sluice("rollback")
    assert site.allowed()

    # It is signed anew, under the next number.
    assert json.loads(stamp.read_text())["sequence"] == site.stack.json("status")["sequence"]
    assert json.loads(stamp.read_text())["seal"] != genuine["seal"]

    # Another key than that which the public one belongs to. What was signed stays as it was.
    other = site.root / "other"
    other.mkdir()
    shutil.copy(keys(other)["key"], site.root / "key.pem")
    wanted = site.state.snapshots / site.history()[0]["previous"] / "stamp.json"
    before = wanted.read_bytes()
    for command in ("apply", "rollback"):
        assert "the signature is not valid" in site.stack.fails(command).stderr
        assert site.allowed()
    assert wanted.read_bytes() == before
