"""The state directory: everything that one stack owns on disk.

run/             sockets, stack.json, the lock: meaningless without a running stack
logs/            a file for each process, older ones as <name>.log.1 and on, and access.log
snapshots/       compiled snapshots by digest; `active` points at the one in use
xds/             the files that Envoy watches
opa/, triton/    what the OPA server and the embedded Triton read
pulled/          the policies fetched last, where they are pulled
history.jsonl    the newest activations and refusals of snapshots
trials/          records of shadows and canaries, and their candidates
*.db             identity, ledger and audit
admin.token      the token of the admin endpoint
hash.key         the key of hashes and stand-ins of sensitive data
demo-keys.json   the demo's API keys, so that a second start can print them again
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from extauth.errors import StackError

_HASH_KEY = 32


@dataclass(frozen=True, slots=True)
class StateDir:
    """Names inside a state directory. `path` is absolute; directories are 0700, secrets 0600."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> StateDir:
        """Return the state directory at `path`, which need not exist yet."""
        return cls(path.expanduser().resolve())

    @property
    def run(self) -> Path:
        """Sockets, the stack's record and its lock."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """A log file for each process."""
        return self.path / "logs"

    @property
    def snapshots(self) -> Path:
        """Compiled snapshots, each in a directory named by its digest."""
        return self.path / "snapshots"

    @property
    def active(self) -> Path:
        """A symbolic link to the snapshot in use."""
        return self.path / "active"

    @property
    def xds(self) -> Path:
        """The Envoy resources in use; files here are only ever replaced by a rename."""
        return self.path / "xds"

    @property
    def opa(self) -> Path:
        """The bundle that the stack's own OPA server loads."""
        return self.path / "opa"

    @property
    def triton(self) -> Path:
        """The embedded Triton's model repository and backend directory."""
        return self.path / "triton"

    @property
    def pulled(self) -> Path:
        """The policies that were fetched last, where the configuration pulls them."""
        return self.path / "pulled"

    @property
    def history(self) -> Path:
        """Activations and refusals (extauth.snapshot.history)."""
        return self.path / "history.jsonl"

    @property
    def trials(self) -> Path:
        """Records of trials and the candidates that were tried (extauth.rollout)."""
        return self.path / "trials"

    @property
    def replay_progress(self) -> Path:
        """The checkpoint of an interrupted replay (extauth.assurance.replay.checkpoint)."""
        return self.path / "replay.resume"

    @property
    def identity_db(self) -> Path:
        """API keys and principals."""
        return self.path / "identity.db"

    @property
    def ledger_db(self) -> Path:
        """Reservations and usage."""
        return self.path / "ledger.db"

    @property
    def audit_db(self) -> Path:
        """Audit records."""
        return self.path / "audit.db"

    @property
    def admin_token(self) -> Path:
        """The file that holds the admin endpoint's token."""
        return self.path / "admin.token"

    @property
    def hash_key(self) -> Path:
        """The file that holds the key of the hashes and stand-ins of sensitive data."""
        return self.path / "hash.key"

    @property
    def demo_keys(self) -> Path:
        """The demo's API keys in plain text, readable by the owner alone."""
        return self.path / "demo-keys.json"

    @property
    def stack_file(self) -> Path:
        """The running stack's record (extauth.stack.process.record)."""
        return self.run / "stack.json"

    @property
    def following_file(self) -> Path:
        """The state of watching and pulling (extauth.stack.sources.following)."""
        return self.run / "following.json"

    @property
    def switch_file(self) -> Path:
        """The lock of changes to what is active."""
        return self.run / "switch"

    @property
    def lock_file(self) -> Path:
        """The lock of the only supervisor that this directory may have."""
        return self.run / "lock"

    def create(self) -> None:
        """Make the directories, the admin token and the hash key, where they are missing.

        Raises StackError when the file system refuses.
        """
        try:
            for directory in (self.path, self.run, self.logs, self.snapshots, self.xds):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                directory.chmod(0o700)
            if not self.admin_token.exists():
                write_secret(self.admin_token, secrets.token_urlsafe(32) + "\n")
            make_secret(self.hash_key, secrets.token_hex(_HASH_KEY) + "\n")
        except OSError as error:
            raise StackError(f"cannot use state directory {self.path}: {error.strerror}") from None

    def read_hash_key(self) -> bytes:
        """Return the 32 bytes that every process of this gateway hashes sensitive data with.

        Raises StackError when they are not there: with others, equal originals would no longer
        have equal hashes.
        """
        try:
            key = bytes.fromhex(self.hash_key.read_text())
        except OSError as error:
            raise StackError(
                f"cannot read {self.hash_key}: {error.strerror}; `sluice up` makes it"
            ) from None
        except ValueError:
            key = b""
        if len(key) != _HASH_KEY:
            raise StackError(f"{self.hash_key} does not hold {_HASH_KEY} bytes in hexadecimal")
        return key

    def read_admin_token(self) -> str:
        """Return the admin endpoint's token. Raises StackError when it can't be read."""
        try:
            return self.admin_token.read_text().strip()
        except OSError as error:
            raise StackError(
                f"cannot read {self.admin_token}: {error.strerror}; `sluice up` makes it"
            ) from None


def make_secret(path: Path, text: str) -> None:
    """Make a file that only its owner can read, unless it is there: the first to make it wins."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    write_secret(temporary, text)
    try:
        # Unlike a rename, a link replaces nothing, and it appears with all that is in the file.
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def write_secret(path: Path, text: str) -> None:
    """Replace `path` in one step by a file that only its owner can read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)


def read_password(file: str | None, server: str) -> str | None:
    """Return the first line of `file`; None without one.

    `server` is named in what is said. Raises StackError when the file can't be read, or others can
    read it too.
    """
    if file is None:
        return None
    path = Path(file)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StackError(f"{file}: others can read the password of {server}; chmod 600 it")
        return path.read_text("utf-8").partition("\n")[0]
    except OSError as error:
        raise StackError(
            f"{file}: the password of {server} can't be read: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise StackError(f"{file}: the password of {server} is not UTF-8") from None
