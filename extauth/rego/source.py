"""Files that people write for a gateway: regular ones, bounded in size, number and depth.

A FIFO or a device would never end, and PyYAML takes seconds for a few kilobytes that nest deeply.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

import yaml

from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 4 << 20
"""Bytes of a file that is read here."""
LARGEST_TOGETHER: Final = 64 << 20
MOST_FILES: Final = 10_000
"""Bounds of a directory of policies: what a bundle may hold."""
DEPTH: Final = 100
"""Levels of YAML."""

_DIRECTORIES: Final = ("gateway", "data", "schemas", "cases")
_IRREGULAR: Final = "is not a regular file"


class UnreadYaml(yaml.MarkedYAMLError):
    """YAML that is not read here, however well formed: `problem` says why, `problem_mark` where."""


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader, for documents of at most `DEPTH` levels."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        """Compose a node. Raises UnreadYaml at the first one that is too deep."""
        self._depth += 1
        if self._depth > DEPTH:
            problem = f"more than {DEPTH} levels are not read"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # in its stubs
            raise UnreadYaml(problem=problem, problem_mark=mark)
        try:
            return super().compose_node(parent, index)  # type: ignore[arg-type]  # None at the root
        finally:
            self._depth -= 1


def yaml_error(error: yaml.YAMLError, file: Path) -> ConfigurationError:
    """Return what PyYAML or `Loader` says of a file, at its line."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return ConfigurationError("not YAML that can be read", file=file)
    line = error.problem_mark.line + 1 if error.problem_mark else None
    known = isinstance(error, UnreadYaml)
    message = str(error.problem) if known else f"not YAML: {error.problem}"
    return ConfigurationError(message, file=file, line=line)


def read_text(file: Path) -> str:
    """Return the text of a regular file of at most `LARGEST` bytes. Raises ConfigurationError."""
    try:
        # Whatever it is by now: the open must not wait for a writer.
        with open(file, "rb", opener=_at_once) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise ConfigurationError(_IRREGULAR, file=file)
            content = opened.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ConfigurationError(f"is larger than {LARGEST >> 20} MiB", file=file)
        return content.decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError:
        raise ConfigurationError("is not UTF-8", file=file) from None


def require_files(root: Path) -> None:
    """Raise ConfigurationError unless the policies in `root` are files that OPA reads to an end."""
    size = count = 0
    for name in _DIRECTORIES:
        for file in sorted((root / name).rglob("*")):
            try:
                status = file.stat()
            except OSError:
                continue  # a link that leads nowhere: whoever reads it tells
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise ConfigurationError(_IRREGULAR, file=file)
            size, count = size + status.st_size, count + 1
            if size > LARGEST_TOGETHER or count > MOST_FILES:
                raise ConfigurationError(
                    f"holds more than {LARGEST_TOGETHER >> 20} MiB or {MOST_FILES} files", file=root
                )


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
