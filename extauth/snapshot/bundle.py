"""OPA bundles: a gzipped tar of policies, data and a manifest, perhaps signed.

https://www.openpolicyagent.org/docs/management-bundles#bundle-file-format
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = ".manifest"
SIGNATURES = ".signatures.json"

LARGEST = 64 << 20
"""Bytes of all files together, unpacked."""
MOST_FILES = 10_000


class Metadata(msgspec.Struct, frozen=True):
    """Metadata of a bundle. `sequence` is 0 in a bundle that no gateway numbered."""

    sequence: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """The part of a bundle's manifest that is of interest here."""

    revision: str = ""
    metadata: Metadata = Metadata()


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a bundle of these files; equal files give equal bytes."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"/{name}")
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def unpack(bundle: bytes) -> dict[str, bytes]:
    """Return the files of a bundle by name, without a leading slash.

    Raises ConfigurationError for one that is damaged, too large, or whose names lead elsewhere.
    """
    files: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r|gz") as archive:
            for member in archive:
                size += member.size
                if size > LARGEST or len(files) >= MOST_FILES:
                    raise ConfigurationError(
                        f"the bundle holds more than {LARGEST >> 20} MiB or {MOST_FILES} files"
                    )
                name = member.name.removeprefix("./").lstrip("/")
                if ".." in name.split("/"):
                    raise ConfigurationError(f"the bundle holds a path that leads out: {name}")
                reader = archive.extractfile(member)
                if reader is not None:
                    files[name] = reader.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        raise ConfigurationError("not a bundle: expected a gzipped tar") from None
    return files


def manifest(files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest of a bundle. Raises ConfigurationError when it is malformed."""
    try:
        return msgspec.json.decode(files.get(MANIFEST, b"{}"), type=Manifest)
    except msgspec.MsgspecError:
        raise ConfigurationError(f"the bundle's {MANIFEST} is malformed") from None


def numbered(files: Mapping[str, bytes], sequence: int) -> dict[str, bytes]:
    """Return the files with the sequence number in their manifest."""
    told = msgspec.json.decode(files.get(MANIFEST, b"{}"))
    told["metadata"] = {**told.get("metadata", {}), "sequence": sequence}
    return {**files, MANIFEST: msgspec.json.encode(told, order="sorted")}
