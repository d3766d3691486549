"""A compiled configuration with its policies: immutable, named by the digest of its content.

<digest>/
  manifest.json             the SHA-256 of every file below; its own names the directory
  settings.json             extauth.settings.Settings
  policy/bundle.tar.gz      what an OPA server loads
  policy/policy.wasm        what the wasm engine loads, with policy/data.json
  envoy/lds.yaml, cds.yaml  what Envoy watches
  triton/<model>/config.pbtxt
  models/<model>/           its tokenizer, chat_template.jinja
  stamp.json                outside of the digest: extauth.snapshot.Stamp
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError
from extauth.settings import Settings
from extauth.snapshot import bundle
from extauth.storage.state import write_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.snapshot.signing import Signer, Verifier

DIGEST_LENGTH = 32
MANIFEST = "manifest.json"
STAMP = "stamp.json"


class Stamp(msgspec.Struct, frozen=True):
    """Stamp of an activation: its number, and signatures where a key is configured.

    `seal` is the signature of `sealed`, `bundle` that of the numbered bundle; both are files
    `.signatures.json` as OPA writes them.
    """

    sequence: int = 0
    seal: str | None = None
    bundle: str | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """A compiled snapshot on disk. A request keeps the snapshot that it began with."""

    digest: str
    root: Path
    settings: Settings

    @classmethod
    def load(cls, root: Path) -> Snapshot:
        """Read the snapshot in `root`, a directory named by its digest.

        Raises ConfigurationError when it is incomplete or was written by another version.
        """
        file = root / "settings.json"
        try:
            settings = msgspec.json.decode(file.read_bytes(), type=Settings)
        except OSError as error:
            raise ConfigurationError(
                f"not a snapshot: {error.strerror}; compile it again", file=file
            ) from None
        except msgspec.MsgspecError as error:
            raise ConfigurationError(
                f"written by another version of sluice: {error}; compile it again", file=file
            ) from None
        return cls(digest=root.name, root=root, settings=settings)

    @classmethod
    def verified(cls, root: Path, verifier: Verifier | None) -> Snapshot:
        """Load a snapshot after checking that every file is the one that was compiled.

        With a `verifier`, check as well that a holder of the key activated it under its number.
        Raises ConfigurationError with the file that differs.
        """
        content = files(root)
        told = content.pop(MANIFEST, None)
        if told is None:
            raise ConfigurationError(
                f"has no {MANIFEST}: not a snapshot of this version; compile it again", file=root
            )
        if digest(told) != root.name:
            raise ConfigurationError(
                "does not match the name of its directory", file=root / MANIFEST
            )
        wanted: dict[str, str] = msgspec.json.decode(told)
        found = checksums(content)
        for name in sorted(wanted.keys() | found.keys()):
            if name not in found:
                raise ConfigurationError("is missing from the snapshot", file=root / name)
            if wanted.get(name) != found[name]:
                raise ConfigurationError("was changed after it was compiled", file=root / name)
        snapshot = cls.load(root)
        if verifier is not None:
            stamp = snapshot.stamp
            try:
                verifier.check(sealed(wanted, stamp.sequence), stamp.seal)
            except ConfigurationError as error:
                raise ConfigurationError(error.message, file=root) from None
        return snapshot

    @property
    def revision(self) -> str:
        """The revision of the bundle, which an OPA server names with each decision.

        Raises ConfigurationError when there is no such bundle.
        """
        try:
            return bundle.manifest(self.policies()).revision
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error.message}; compile it again", file=self.root / "policy/bundle.tar.gz"
            ) from None

    @property
    def stamp(self) -> Stamp:
        """The number and the signatures of its last activation; 0 before the first.

        Raises ConfigurationError when they can't be read.
        """
        file = self.root / STAMP
        try:
            return msgspec.json.decode(file.read_bytes(), type=Stamp)
        except FileNotFoundError:
            return Stamp()
        except (OSError, msgspec.MsgspecError):
            raise ConfigurationError("can't be read; compile it again", file=file) from None

    def stamped(self, sequence: int, signer: Signer | None) -> None:
        """Write a new stamp, signed by `signer` if there is one.

        Raises ConfigurationError when the key can't sign, or the file can't be written.
        """
        seal = signed = None
        if signer is not None:
            wanted = msgspec.json.decode((self.root / MANIFEST).read_bytes())
            seal = signer.seal(sealed(wanted, sequence))
            numbered = bundle.numbered(self.policies(), sequence)
            signed = signer.sign(numbered)[bundle.SIGNATURES].decode()
        self.restamped(Stamp(sequence, seal, signed))

    def restamped(self, stamp: Stamp) -> None:
        """Write an earlier stamp back. Raises ConfigurationError when it can't be written."""
        try:
            write_secret(self.root / STAMP, msgspec.json.encode(stamp).decode())
        except OSError as error:
            raise ConfigurationError(
                f"can't be written: {error.strerror}", file=self.root / STAMP
            ) from None

    def policies(self) -> dict[str, bytes]:
        """Return the files of the bundle. Raises ConfigurationError when they can't be read."""
        file = self.root / "policy" / "bundle.tar.gz"
        try:
            return bundle.unpack(file.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"can't be read: {error.strerror}", file=file) from None

    def published(self) -> bytes:
        """Return the bundle for others: numbered, and signed if the snapshot is.

        Raises ConfigurationError when it can't be read.
        """
        stamp = self.stamp
        content = bundle.numbered(self.policies(), stamp.sequence)
        if stamp.bundle is not None:
            content[bundle.SIGNATURES] = stamp.bundle.encode()
        return bundle.pack(content)


def checksums(content: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of every file by name, in hex."""
    return {name: sha256(data).hexdigest() for name, data in sorted(content.items())}


def manifest(content: Mapping[str, bytes]) -> bytes:
    """Return the `manifest.json` of these files."""
    return msgspec.json.encode(checksums(content), order="sorted")


def digest(told: bytes) -> str:
    """Return the name of a snapshot with this manifest."""
    return sha256(told).hexdigest()[:DIGEST_LENGTH]


def sealed(wanted: Mapping[str, str], sequence: int) -> dict[str, object]:
    """Return the document that the signature of a snapshot covers."""
    return {"manifest": wanted, "sequence": sequence}


def files(root: Path) -> dict[str, bytes]:
    """Return the files of a snapshot but its stamp. Raises ConfigurationError."""
    try:
        return {
            str(file.relative_to(root)): file.read_bytes()
            for file in sorted(root.rglob("*"))
            if file.is_file() and not _of_stamp(file, root)
        }
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", file=root) from None


def _of_stamp(file: Path, root: Path) -> bool:
    # While it is replaced there is a hidden file beside it.
    return file.parent == root and file.name.lstrip(".").startswith(STAMP)
