"""`sluice replay`, as it is typed."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from extauth.cli import app
from extauth.stack.engines.opa import find_opa

from .conftest import MANY, REPOSITORY, edit

if TYPE_CHECKING:
    from click.testing import Result

pytestmark = pytest.mark.slow

SLUICE = str(Path(sys.executable).with_name("sluice"))
PUBLISHED = REPOSITORY / "schemas" / "replay.schema.json"
TIERS = "data/tiers.yaml"
FEW = 200
TIMES = 7
"""Enough that a replay is still under way when it has told of its first piece."""
BEFORE, AFTER = "max_prompt_tokens: 512", "max_prompt_tokens: 300"


class Sluice(Protocol):
    """Calls `sluice replay` in this process."""

    def __call__(self, *arguments: object, cwd: Path, status: int = 0) -> Result: ...


@pytest.fixture
def sluice(monkeypatch: pytest.MonkeyPatch) -> Sluice:
    """See Sluice."""

    def called(*arguments: object, cwd: Path, status: int = 0) -> Result:
        monkeypatch.chdir(cwd)
        done = CliRunner().invoke(app, ["replay", *map(str, arguments)])
        assert done.exit_code == status, done.output
        assert status == 0 or isinstance(done.exception, SystemExit)
        return done

    return called


def typed(*arguments: object, cwd: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    """`sluice replay` as a process of its own."""
    done = subprocess.run(
        [SLUICE, "replay", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "SLUICE_OPA": str(find_opa().path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def git(directory: Path, *arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *names, *arguments], cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def few(recorded: Path, tmp_path: Path) -> Path:
    """An export of `FEW` records."""
    path = tmp_path / "few.jsonl"
    path.write_bytes(b"".join(recorded.read_bytes().splitlines(keepends=True)[:FEW]))
    return path


@pytest.fixture
def repository(policies: Path) -> Path:
    """A repository: `main`, and a branch `stricter` with one changed number, checked out."""
    git(policies, "init", "--quiet", "--initial-branch", "main")
    git(policies, "add", ".")
    git(policies, "commit", "--quiet", "--message", "As shipped")
    git(policies, "switch", "--quiet", "--create", "stricter")
    edit(policies / TIERS, BEFORE, AFTER)
    git(policies, "commit", "--quiet", "--all", "--message", "Shorter prompts")
    return policies


def test_two_commits_are_compared_and_the_work_tree_stays(repository: Path, few: Path) -> None:
    edit(repository / TIERS, AFTER, "max_prompt_tokens: broken")
    state = git(repository, "status", "--porcelain")

    done = typed(
        *("--base", "main", "--head", "HEAD", "--records", few, "--format", "json"),
        *("--fail-on", "new_denies > 0.1%", "--fail-on", "new_allows > 0"),
        cwd=repository,
        status=1,
    )

    told: dict[str, Any] = json.loads(done.stdout)
    Draft202012Validator(json.loads(PUBLISHED.read_text())).validate(told)
    assert (told["base"], told["candidate"], told["failed"]) == ("main", "HEAD", True)
    assert told["figures"]["compared"] == FEW
    assert told["figures"]["new_denies"]["count"] > 0
    thresholds = {check["title"]: "findings" in check for check in told["checks"][2:]}
    assert thresholds == {"not new_denies > 0.1%": True, "not new_allows > 0": False}
    assert git(repository, "status", "--porcelain") == state


def test_the_same_commit_changes_nothing(sluice: Sluice, repository: Path, few: Path) -> None:
    done = sluice(
        *("--head", "main", "--records", few, "--format", "markdown"),
        *("--fail-on", "new_denies > 0", "--fail-on", "tokens_change > 0%"),
        cwd=repository,
    )

    assert done.stdout.startswith("## Replay\n")
    assert f"{FEW:,} decisions compared" in done.stdout
    assert "failed" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--head", "nowhere"), "git knows no commit 'nowhere'"),
        (("--head", "--output=x"), "git knows no commit '--output=x'"),
        ((".", "--head", "main"), "not by both"),
        (("--fail-on", "denies > 1"), "the figures are new_denies, new_allows"),
        (("missing",), "missing: no such directory"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(
    sluice: Sluice, repository: Path, few: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = sluice(*arguments, "--records", few, cwd=repository, status=2)

    (line,) = done.stderr.splitlines()
    assert line.startswith("sluice: ")
    assert told in line


def test_unusable_records_are_one_clear_line(
    sluice: Sluice, repository: Path, few: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(few.read_bytes()[:-9]))
    for arguments, told in (
        (("--records", cut), f"cut.jsonl.gz:{FEW}: not an audit record"),
        (("--records", tmp_path / "none"), "none: no decisions are recorded here"),
        (("--state-dir", tmp_path / "empty"), "empty/audit.db: no decisions are recorded here"),
    ):
        (line,) = sluice(*arguments, cwd=repository, status=2).stderr.splitlines()
        assert told in line


def test_a_directory_outside_of_git_has_no_commits(
    sluice: Sluice, policies: Path, few: Path
) -> None:
    done = sluice("--head", "main", "--records", few, cwd=policies, status=2)

    assert "not a git repository" in done.stderr


def test_a_build_server_reads_the_thresholds(sluice: Sluice, repository: Path, few: Path) -> None:
    threshold = ("--records", few, "--fail-on", "new_denies > 0")
    junit = sluice(*threshold, "--format", "junit", cwd=repository, status=1).stdout
    sarif = sluice(*threshold, "--format", "sarif", cwd=repository, status=1).stdout

    (suite,) = ET.fromstring(junit)  # noqa: S314 - our own
    assert suite.attrib["failures"] == "1"
    rules = {row["ruleId"]: row["level"] for row in json.loads(sarif)["runs"][0]["results"]}
    assert rules["replay.new_denies"] == "error"


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    repository: Path, many: Path, tmp_path: Path
) -> None:
    most = tmp_path / "most.jsonl"
    lines = many.read_bytes().splitlines(keepends=True)
    most.write_bytes(b"".join(line for line in lines for _ in range(TIMES)))
    kept = tmp_path / "most.jsonl.resume"
    command = [SLUICE, "replay", "--records", str(most), "--format", "json"]
    ours, theirs = os.openpty()
    process = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    error = ""
    while " records, " not in error:
        error += os.read(ours, 4096).decode()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    error += os.read(ours, 4096).decode()
    os.close(ours)

    assert process.returncode == 130, error
    assert "goes on from" in error
    assert "Traceback" not in error
    assert kept.exists()
    figures = json.loads(typed(*command[2:], cwd=repository).stdout)["figures"]
    assert figures["compared"] == TIMES * MANY
    assert not kept.exists()
