"""A compiled configuration with its policies: immutable, named by the digest of its content.

<digest>/
  settings.json             extauth.settings.Settings
  policy/bundle.tar.gz      what an OPA server loads, its revision being the digest
  policy/policy.wasm        what the wasm engine loads, with policy/data.json
  envoy/lds.yaml, cds.yaml  what Envoy watches
  triton/<model>/config.pbtxt
  models/<model>/           tokenizer.json, chat_template.jinja
"""

from __future__ import annotations

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
