"""OPA bundles, ours and those that others send."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extauth.errors import ConfigurationError
from extauth.snapshot import bundle
from extauth.stack.engines.opa import find_opa

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.from_regex(r"\A[a-z]{1,8}(/[a-z.]{1,8}){0,2}[a-z]\Z").filter(
    lambda name: ".." not in name
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=5))
def test_what_is_packed_is_unpacked(files: dict[str, bytes]) -> None:
    packed = bundle.pack(files)
    assert bundle.unpack(packed) == files
    assert bundle.pack(dict(reversed(files.items()))) == packed


def test_opa_reads_the_number_that_a_bundle_is_given(tmp_path: Path) -> None:
    rego = b"package a\n\nb := 1\n"
    files = {"a.rego": rego, bundle.MANIFEST: b'{"revision": "r", "roots": ["a"]}'}
    numbered = bundle.numbered(files, 7)
    assert bundle.manifest(numbered) == bundle.Manifest("r", bundle.Metadata(7))
    (tmp_path / "b.tar.gz").write_bytes(bundle.pack(numbered))
    done = subprocess.run(
        [find_opa().path, "inspect", tmp_path / "b.tar.gz"], capture_output=True, check=True
    )
    assert b"sequence" in done.stdout


def test_a_bundle_of_somebody_else_has_no_number() -> None:
    assert bundle.manifest({}) == bundle.Manifest()


def test_a_manifest_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="malformed"):
        bundle.manifest({bundle.MANIFEST: b'{"revision": 1}'})


@pytest.mark.parametrize(
    "content", [b"", b"text", gzip.compress(b"text", mtime=0), bundle.pack({"a": b"b"})[:20]]
)
def test_what_is_no_bundle(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not a bundle"):
        bundle.unpack(content)


def test_a_path_that_leads_out() -> None:
    with pytest.raises(ConfigurationError, match="leads out"):
        bundle.unpack(bundle.pack({"a/../../b": b""}))


def test_one_that_unfolds_to_more_than_is_wanted() -> None:
    """A few kilobytes of gzip that promise gigabytes are refused before they are read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("data.json")
        member.size = bundle.LARGEST + 1
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(ConfigurationError, match="more than 64 MiB"):
        bundle.unpack(buffer.getvalue())
