"""Each ready policy, taken over into a new policy repository by the steps that its README tells."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.authoring import make_repository
from extauth.assurance.checks import run_checks
from extauth.assurance.findings import render
from extauth.compiler.repository import Repository
from extauth.policy import WasmEngine
from extauth.policy.cases import check, load_cases
from extauth.stack.engines.opa import find_opa

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "examples/policies"
EXAMPLES = sorted(directory for directory in LIBRARY.iterdir() if directory.is_dir())
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST_README = 60


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.name)
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def repository(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped policies with the example in them."""
    directory = tmp_path_factory.mktemp("policies")
    make_repository(directory)
    for part in ("gateway", "data", "schemas", "cases"):
        if (example / part).exists():
            shutil.copytree(example / part, directory / part, dirs_exist_ok=True)
    (diff,) = DIFF.findall((example / "README.md").read_text())
    patched = subprocess.run(
        ["git", "apply", "--unidiff-zero"],
        cwd=directory,
        input=diff,
        capture_output=True,
        text=True,
        check=False,
    )
    assert patched.returncode == 0, patched.stderr
    return directory


def test_it_passes_every_check(repository: Path) -> None:
    """Format, types, full coverage, its cases and the shipped ones, on both engines."""
    report = run_checks(repository, opa=find_opa().path, envoy=None, regal=None, coverage=100.0)
    assert not report.failed, render(report, "text")
    assert [finding for check in report.checks for finding in check.findings] == []
    assert {check.name for check in report.checks if check.skipped} == {"gateway", "regal"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WasmEngine]:
    """The shipped policies, without any example."""
    directory = tmp_path_factory.mktemp("shipped")
    make_repository(directory)
    for name, content in Repository.find(directory).build(find_opa().path).items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_bytes(content)
    engine = WasmEngine(directory / "policy", 5.0)
    yield engine
    asyncio.run(engine.close())


async def test_its_cases_are_about_it(shipped: WasmEngine, example: Path, tmp_path: Path) -> None:
    """Without the example, at least one of its cases fails."""
    make_repository(tmp_path)
    shutil.copytree(example / "cases", tmp_path / "cases", dirs_exist_ok=True)
    assert any([await check(case, shipped) for case in load_cases(tmp_path / "cases")])


def test_the_library_lists_them_all() -> None:
    listed = re.findall(r"\]\(([\w-]+)/README\.md\)", (LIBRARY / "README.md").read_text())
    assert sorted(listed) == [path.name for path in EXAMPLES]


def test_a_readme_is_short_and_tells_the_cost(example: Path) -> None:
    text = (example / "README.md").read_text()
    assert "What it costs:" in text
    assert len(text.splitlines()) <= LONGEST_README
