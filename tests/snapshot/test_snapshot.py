"""A snapshot on disk is the one that was compiled, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.errors import ConfigurationError
from extauth.snapshot import bundle
from extauth.snapshot.snapshot import MANIFEST, STAMP, Snapshot, digest, manifest
from tests.compiler.conftest import SETTINGS
from tests.snapshot.test_signing import pair

if TYPE_CHECKING:
    from collections.abc import Callable

POLICIES = {
    bundle.MANIFEST: b'{"revision": "r", "roots": ["a"]}',
    "a.rego": b"package a\n\nb := 1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small one, written as the compiler does."""
    files = {
        "settings.json": msgspec.json.encode(SETTINGS),
        "policy/policy.wasm": b"wasm",
        "policy/bundle.tar.gz": bundle.pack(POLICIES),
    }
    told = manifest(files)
    root = tmp_path / digest(told)
    for name, content in {**files, MANIFEST: told}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def refusal(root: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Snapshot.verified(root, None)
    return caught.value.message


def test_what_was_compiled_is_taken(root: Path) -> None:
    assert Snapshot.verified(root, None) == Snapshot.load(root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda root: (root / "policy/policy.wasm").write_bytes(b"Wasm"),
            "policy.wasm: was changed",
        ),
        (lambda root: (root / "policy/policy.wasm").unlink(), "policy.wasm: is missing"),
        (lambda root: (root / "policy/more.rego").write_bytes(b""), "more.rego: was changed"),
        (lambda root: (root / "settings.json").write_bytes(b"{}"), "settings.json: was changed"),
        (
            lambda root: (root / MANIFEST).write_bytes(b"{}"),
            "manifest.json: does not match the name of its directory",
        ),
        (lambda root: (root / MANIFEST).unlink(), "has no manifest.json"),
    ],
)
def test_any_other_is_refused_with_its_file(
    root: Path, change: Callable[[Path], object], message: str
) -> None:
    change(root)
    assert message in refusal(root)


def test_a_stamp_changes_no_digest(root: Path) -> None:
    Snapshot.load(root).stamped(7, None)
    (root / f".{STAMP}.123").write_text("being written")
    assert Snapshot.verified(root, None).stamp.sequence == 7


def test_a_stamp_is_signed_with_its_number(root: Path, tmp_path: Path) -> None:
    signer, verifier = pair(tmp_path / "key", "ES256")
    Snapshot.load(root).stamped(7, signer)
    snapshot = Snapshot.verified(root, verifier)
    files = bundle.unpack(snapshot.published())
    verifier.verify(files)
    assert bundle.manifest(files) == bundle.Manifest("r", bundle.Metadata(7))
    stamp = json.loads((root / STAMP).read_text())
    (root / STAMP).write_text(json.dumps(stamp | {"sequence": 8}))
    with pytest.raises(ConfigurationError, match="the signature is not valid"):
        Snapshot.verified(root, verifier)
    Snapshot.load(root).stamped(9, None)
    with pytest.raises(ConfigurationError, match="the signature is missing"):
        Snapshot.verified(root, verifier)


def test_an_unsigned_one_is_published_unsigned(root: Path) -> None:
    snapshot = Snapshot.load(root)
    snapshot.stamped(3, None)
    files = bundle.unpack(snapshot.published())
    assert files.keys() == POLICIES.keys()
