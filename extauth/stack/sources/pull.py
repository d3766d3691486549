"""Policies pulled from another server: fetched, verified, compiled here, activated."""

from __future__ import annotations

import shutil
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError, StackError
from extauth.snapshot import bundle
from extauth.snapshot.signing import Verifier
from extauth.stack.activation.apply import compile_and_switch
from extauth.stack.activation.compilation import POLICIES
from extauth.stack.activation.switching import refuse
from extauth.stack.engines.opa import find_opa
from extauth.stack.process.locks import switching
from extauth.stack.progress import Silent
from extauth.stack.sources.bundle import fetch, lay_out
from extauth.storage.state import write_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.compiler import Configuration
    from extauth.storage.state import StateDir

FETCHED = "fetched.json"


class Pulled(msgspec.Struct, frozen=True):
    """The bundle that was activated last: the server's name for it, and its sequence number."""

    etag: str | None = None
    sequence: int = 0


class Puller:
    """The pulling side of a running stack. Used by one thread at a time."""

    def __init__(self, state: StateDir, configuration: Configuration) -> None:
        self._state = state
        self._source = configuration
        self._pulled = self._load()
        self._refused: tuple[str | None, ConfigurationError] | None = None
        self.last_attempt = 0.0

    def pull(self) -> bool:
        """Ask once, and activate a new bundle; False if there is none.

        Raises StackError when the server does not give a bundle, ConfigurationError when it can't
        be used; the active snapshot stays. A bundle that was refused is fetched again only when
        the server has another one.
        """
        self.last_attempt = time.time()
        pull = self._source.settings.policy.pull
        if pull is None:
            return False
        known = self._refused[0] if self._refused else self._pulled.etag
        fetched = fetch(pull.url, etag=known, token=self._token())
        if fetched is None:
            if self._refused:
                raise self._refused[1]
            return False
        self._refused = None
        try:
            files = bundle.unpack(fetched.content)
            sequence = self._examine(files)
            fresh = self._state.pulled / sha256(fetched.content).hexdigest()[:16]
            lay_out(files, fresh)
        except ConfigurationError as error:
            self._refused = fetched.etag, error
            with switching(self._state):
                refuse(self._state, "pull", error)
            raise
        except OSError as error:
            raise StackError(f"cannot write {self._state.pulled}: {error.strerror}") from None
        try:
            with switching(self._state):
                activation = compile_and_switch(self._state, Silent(), "pull", pulled=fresh)
                self._keep(fresh, Pulled(fetched.etag, sequence))
        except ConfigurationError as error:
            self._refused = fetched.etag, error
            raise
        except OSError as error:
            raise StackError(f"cannot write {self._state.pulled}: {error.strerror}") from None
        return activation.changed

    def _keep(self, fresh: Path, pulled: Pulled) -> None:
        """Have later compilations use these policies, and remove earlier ones."""
        link = self._state.pulled / f".{POLICIES}"
        link.unlink(missing_ok=True)
        link.symlink_to(fresh.name)
        link.replace(self._state.pulled / POLICIES)
        write_secret(self._state.pulled / FETCHED, msgspec.json.encode(pulled).decode())
        self._pulled = pulled
        for other in self._state.pulled.iterdir():
            if other.is_dir() and not other.is_symlink() and other != fresh:
                shutil.rmtree(other, ignore_errors=True)

    def _examine(self, files: Mapping[str, bytes]) -> int:
        keys, algorithm = self._source.keys, self._source.settings.policy.signing
        if keys is not None and algorithm is not None:
            if bundle.SIGNATURES not in files:
                raise ConfigurationError("the bundle is not signed, and policy.signing asks for it")
            Verifier(find_opa().path, keys.public, algorithm).verify(files)
        sequence = bundle.manifest(files).metadata.sequence
        if sequence < self._pulled.sequence:
            raise ConfigurationError(
                f"the bundle has the sequence number {sequence}, lower than "
                f"{self._pulled.sequence}, which was pulled before"
            )
        return sequence

    def _token(self) -> str | None:
        file = self._source.pull_token
        if file is None:
            return None
        try:
            return file.read_text().strip()
        except OSError as error:
            raise StackError(f"cannot read {file}: {error.strerror}") from None

    def _load(self) -> Pulled:
        try:
            return msgspec.json.decode((self._state.pulled / FETCHED).read_bytes(), type=Pulled)
        except (OSError, msgspec.MsgspecError):
            return Pulled()
