"""A compiled configuration with its policies: immutable, named by the digest of its content.

<digest>/
  settings.json             extauth.settings.Settings
  policy/bundle.tar.gz      what an OPA server loads
  policy/policy.wasm        what the wasm engine loads, with policy/data.json
  envoy/lds.yaml, cds.yaml  what Envoy watches
  triton/<model>/config.pbtxt
  models/<model>/           tokenizer.json, chat_template.jinja
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError
from extauth.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


class Snapshot(msgspec.Struct, frozen=True):
    """One compiled snapshot on disk. A request keeps the one it began with."""

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

    @property
    def revision(self) -> str:
        """The revision of the bundle, which an OPA server names with each decision.

        Raises ConfigurationError when there is no such bundle.
        """
        file = self.root / "policy" / "bundle.tar.gz"
        try:
            with tarfile.open(file) as bundle:
                manifest = bundle.extractfile("/.manifest")
                content = manifest.read() if manifest else b""
            return msgspec.json.decode(content, type=_Manifest).revision
        except (OSError, KeyError, tarfile.TarError, msgspec.MsgspecError):
            raise ConfigurationError("not a policy bundle; compile it again", file=file) from None


class _Manifest(msgspec.Struct):
    revision: str
