"""What a policy repository's CI runs: the commands of the templates, on real changes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from extauth.assurance.authoring import make_repository
from tests.ci.recorded import record
from tests.gateway.served import Loaded, Served

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
TOKEN = "glpat-not-for-other-eyes"

Commands = dict[str, str]

RESTRICTION = """\
  tenants:
    globex:
      - { days: [wednesday], from: "08:00", to: "18:00" }
"""


def _yaml(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def github(repository: Path) -> Commands:
    """The commands of the workflow, by the step's name."""
    steps = _yaml(repository / ".github/workflows/policies.yml")["jobs"]["policies"]["steps"]
    return {step["name"]: step["run"] for step in steps if "name" in step}


def gitlab(repository: Path) -> Commands:
    """The commands of the pipeline, by the job's name, and the replay's comment."""
    jobs = _yaml(repository / ".gitlab-ci.yml")
    commands = {name: "\n".join(job["script"]) for name, job in jobs.items() if "script" in job}
    return {**commands, "comment": "\n".join(jobs["replay"]["after_script"])}


def pre_commit(repository: Path) -> Commands:
    """The commands of the hooks, by the name that the others have."""
    (repo,) = _yaml(repository / ".pre-commit-config.yaml")["repos"]
    return {hook["id"].removeprefix("sluice-"): hook["entry"] for hook in repo["hooks"]}


FORGES = {"github": github, "gitlab": gitlab, "pre-commit": pre_commit}


@pytest.fixture(scope="session")
def first(snapshot: Snapshot, loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy repository with a history, and with decisions as the gateway exported them."""
    directory = tmp_path_factory.mktemp("first") / "policies"
    make_repository(directory)

    async def recorded() -> None:
        served = await Served.open(directory.parent, snapshot, loaded)
        try:
            await record(served, directory / "records.jsonl")
        finally:
            await served.close()

    asyncio.run(recorded())
    for line in (
        "init --quiet --initial-branch main",
        "config user.name Author",
        "config user.email author@example.com",
        "add .",
        "commit --quiet --message first",
    ):
        subprocess.run(["git", *line.split()], cwd=directory, check=True)
    return directory


@pytest.fixture
def repository(first: Path, tmp_path: Path) -> Path:
    """A clone of it, as it were, to be changed."""
    return Path(shutil.copytree(first, tmp_path / "policies"))


def commit(directory: Path) -> None:
    """Put everything into a commit."""
    subprocess.run(["git", "commit", "--quiet", "--all", "-m", "change"], cwd=directory, check=True)


def run(directory: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command as a CI server runs it: one script, ended by the first failure."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "BASE": "main~1"}
    return subprocess.run(
        ["/bin/bash", "-e", "-c", command],
        cwd=directory,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def harmless(directory: Path) -> None:
    """A line that changes no decision."""
    with (directory / "data/hours.yaml").open("a") as file:
        file.write("# Umbrella asks for hours, too.\n")
    commit(directory)


def harmful(directory: Path) -> None:
    """Correct in itself, and shuts out a tenant that calls on Mondays."""
    file = directory / "data/hours.yaml"
    file.write_text(file.read_text().replace("  tenants:\n", RESTRICTION, 1))
    commit(directory)


def broken(directory: Path) -> None:
    """No Rego."""
    with (directory / "gateway/hours/hours.rego").open("a") as file:
        file.write("deny contains if {\n")
    commit(directory)


@pytest.mark.parametrize("forge", FORGES)
def test_a_broken_change_fails_the_check(repository: Path, forge: str) -> None:
    broken(repository)
    done = run(repository, FORGES[forge](repository)["check"])
    assert done.returncode == 1, done.stdout + done.stderr
    told = (
        done.stdout + (repository / "check.xml").read_text() if forge == "gitlab" else done.stdout
    )
    assert "hours.rego" in told


def test_a_harmless_change_passes_the_replay(repository: Path) -> None:
    harmless(repository)
    done = run(repository, github(repository)["replay"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / "replay.md").read_text()


@pytest.mark.parametrize("forge", FORGES)
def test_a_harmful_change_passes_the_check(repository: Path, forge: str) -> None:
    harmful(repository)
    done = run(repository, FORGES[forge](repository)["check"])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_harmful_change_fails_the_replay(repository: Path) -> None:
    harmful(repository)
    replayed = run(repository, github(repository)["replay"])
    assert replayed.returncode == 1, replayed.stdout + replayed.stderr
    assert "hours.closed" in (repository / "replay.md").read_text()


def test_every_forge_runs_the_same_replay(repository: Path) -> None:
    assert github(repository)["replay"] == gitlab(repository)["replay"]


def test_actions_are_pinned_to_a_commit(repository: Path) -> None:
    """A tag can be moved to other code; the comment tells people, and update bots, what it was."""
    text = (repository / ".github/workflows/policies.yml").read_text()
    used = re.findall(r"uses: (.*)", text)
    assert len(used) == 2
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_a_change_of_a_schema_is_checked_before_a_commit(repository: Path) -> None:
    (repo,) = _yaml(repository / ".pre-commit-config.yaml")["repos"]
    wanted = re.compile(repo["hooks"][0]["files"])
    for name in ("data/tiers.yaml", "schemas/tiers.schema.json", "catalog.yaml"):
        assert wanted.search(name), name
    assert not wanted.search("README.md")


def test_every_forge_runs_the_same_mutations(repository: Path) -> None:
    commands = {forge(repository)["mutate"] for forge in FORGES.values()}
    assert commands == {"sluice test --mutate"}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """`gh` and `curl` that write down how they were called."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("gh", "curl"):
        program = directory / name
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, pathlib, sys\n"
            "given = '' if sys.stdin.isatty() else sys.stdin.read()\n"
            "told = {'arguments': sys.argv[1:], 'given': given}\n"
            f"pathlib.Path({str(directory / 'called.json')!r}).write_text(json.dumps(told))\n"
        )
        program.chmod(0o755)
    return directory


def called(programs: Path) -> dict[str, Any]:
    """How the program was called."""
    told: dict[str, Any] = json.loads((programs / "called.json").read_text())
    return told


def test_github_gets_the_report_as_a_comment(repository: Path, programs: Path) -> None:
    (repository / "replay.md").write_text("# Replay\n")
    done = run(
        repository,
        github(repository)["comment"],
        PATH=f"{programs}:{os.environ['PATH']}",
        PULL_REQUEST="17",
        GH_TOKEN=TOKEN,
    )
    assert done.returncode == 0, done.stderr
    arguments = called(programs)["arguments"]
    assert arguments[:3] == ["pr", "comment", "17"]
    assert arguments[-2:] == ["--body-file", "replay.md"]
    assert TOKEN not in " ".join(arguments)


def test_gitlab_gets_the_report_as_a_note(repository: Path, programs: Path) -> None:
    (repository / "replay.md").write_text("# Replay\n")
    done = run(
        repository,
        gitlab(repository)["comment"],
        PATH=f"{programs}:{os.environ['PATH']}",
        SLUICE_NOTES_TOKEN=TOKEN,
        CI_API_V4_URL="https://gitlab.example/api/v4",
        CI_PROJECT_ID="3",
        CI_MERGE_REQUEST_IID="17",
    )
    assert done.returncode == 0, done.stderr
    told = called(programs)
    assert told["arguments"][-1] == (
        "https://gitlab.example/api/v4/projects/3/merge_requests/17/notes"
    )
    assert "body@replay.md" in told["arguments"]
    assert TOKEN not in " ".join(told["arguments"])
    assert told["given"] == f'header = "PRIVATE-TOKEN: {TOKEN}"\n'


def test_gitlab_without_a_token_keeps_the_report_as_an_artifact(
    repository: Path, programs: Path
) -> None:
    (repository / "replay.md").write_text("# Replay\n")
    done = run(repository, gitlab(repository)["comment"], PATH=f"{programs}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert not (programs / "called.json").exists()
