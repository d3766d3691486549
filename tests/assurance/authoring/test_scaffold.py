"""`sluice init`: a policy repository that stands on its own."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from extauth.assurance.authoring import make_repository
from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.policies import catalog_of
from extauth.compiler.repository import Repository
from extauth.errors import ConfigurationError, StackError

ROOT = Path(__file__).parents[3]
SLUICE = Path(sys.executable).with_name("sluice")


def sluice(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SLUICE, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    directory = tmp_path / "new/policies"
    make_repository(directory)
    return directory


def test_it_holds_the_shipped_policies_unchanged(made: Path) -> None:
    for part in ("gateway", "data", "schemas", "cases"):
        shipped = [file for file in (ROOT / "policies" / part).rglob("*") if file.is_file()]
        names = [str(file.relative_to(ROOT / "policies")) for file in shipped]
        assert filecmp.cmpfiles(ROOT / "policies", made, names, shallow=False)[0] == names
    assert filecmp.cmp(ROOT / "policies/mutants.yaml", made / "mutants.yaml", shallow=False)


def test_its_catalogue_is_that_of_the_demo(made: Path) -> None:
    demo = catalog_of(read_configuration(ROOT / "gateway.yaml", Overrides()).settings)
    assert Repository.find(made).catalog == demo


def test_it_brings_ci(made: Path) -> None:
    for name in (".github/workflows/policies.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml"):
        assert "sluice" in yaml.safe_dump(yaml.safe_load((made / name).read_text()))
    ignored = (made / ".gitignore").read_text().split()
    assert {"/replay.md", "/check.xml", "/records.jsonl.resume"} <= set(ignored)
    assert "sluice check" in (made / "README.md").read_text()


def test_the_command_tells_what_to_do_next(tmp_path: Path) -> None:
    done = sluice("init", "mine", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "made mine; try: sluice check mine\n")
    assert (tmp_path / "mine/gateway/inference/inference.rego").is_file()


def test_a_fresh_git_repository_is_empty_enough(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "."], cwd=tmp_path, check=True)
    make_repository(tmp_path)
    assert (tmp_path / "gateway").is_dir()


def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine\n")
    done = sluice("init", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "sluice: .: is not empty (it holds notes.txt); name a new directory\n"
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    file = tmp_path / "policies"
    file.write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        make_repository(file)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="can't be written"):
        make_repository(tmp_path / "file/policies")


def test_a_wheel_brings_everything_that_init_copies() -> None:
    """The wheel puts into `extauth/share` all that `storage.resources` finds beside the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    parts = ("gateway", "data", "schemas", "cases", "mutants.yaml")
    for name in ("ci", "schemas", *(f"policies/{part}" for part in parts)):
        assert included[name] == f"extauth/share/{name}"
