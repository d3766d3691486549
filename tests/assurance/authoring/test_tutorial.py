"""The tutorial of docs/policy-authors.md, done as a reader does it, but for the running gateway."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[3] / "docs/policy-authors.md"
RECORDS = DOCUMENT.parents[1] / "examples/records.jsonl"
"""What the document offers to those who have no gateway."""
BLOCK = re.compile(r"^```(\w+) ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS: list[tuple[str, str, str]] = BLOCK.findall(DOCUMENT.read_text())
IDENTITY = {
    "GIT_AUTHOR_NAME": "Author",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_COMMITTER_NAME": "Author",
    "GIT_COMMITTER_EMAIL": "author@example.com",
}


class Reader:
    """Somebody at a terminal."""

    def __init__(self, home: Path) -> None:
        self.directory = home
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, **IDENTITY, "PATH": path}
        self.ran: list[str] = []

    def follow(self, language: str, note: str, text: str) -> None:
        """Do what one block of the document says."""
        if note == "gateway":
            if "audit export" in text:
                (self.directory / "records.jsonl").write_bytes(RECORDS.read_bytes())
        elif language == "sh":
            for line in text.splitlines():
                self.type(line, status=1 if note.endswith("fails") else 0)
        elif language == "diff":
            self.run("git apply --unidiff-zero", given=text)
        else:
            file = self.directory / note
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)

    def type(self, line: str, *, status: int) -> None:
        """A line of a terminal, with the exit status that the document promises."""
        if line.startswith("cd "):
            self.directory /= line.removeprefix("cd ")
        else:
            self.run(line, status=status)

    def run(self, line: str, *, status: int = 0, given: str = "") -> None:
        """Run it where the reader is."""
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.directory,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{line}\n{done.stdout}{done.stderr}"
        self.ran.append(line)


def test_every_step_works_as_written(tmp_path: Path) -> None:
    """What `init` copies passes `check`, and `test --mutate` holds it to its score.

    No other test mutates the policies that ship. It fails below the score of their `mutants.yaml`,
    and for an entry there that is true no more.
    """
    reader = Reader(tmp_path)
    for language, note, text in BLOCKS:
        reader.follow(language, note, text)
    for command in ("init", "check", "test", "test --mutate", "replay"):
        assert any(line.startswith(f"sluice {command}") for line in reader.ran), command


def test_what_needs_a_gateway_is_marked() -> None:
    blocks = [text for _, note, text in BLOCKS if note == "gateway"]
    marked = "".join(blocks)
    assert all(text.startswith("# on the gateway\n") for text in blocks)
    for command in ("audit export", "explain", "shadow start", "apply", "rollback"):
        assert f"sluice {command}" in marked
