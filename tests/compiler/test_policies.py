"""The policy bundle: the same bytes from the same policies, and errors where they are."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.policies import catalog_of, compile_policies
from extauth.errors import ConfigurationError, StackError
from tests.compiler.conftest import REPOSITORY

pytestmark = pytest.mark.slow

CATALOG = catalog_of(read_configuration(REPOSITORY / "gateway.yaml", Overrides()).settings)


@pytest.fixture(scope="module")
def compiled(opa: Path) -> dict[str, bytes]:
    return compile_policies(REPOSITORY / "policies", CATALOG, opa)


def bundle(files: dict[str, bytes]) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(files["policy/bundle.tar.gz"])) as archive:
        return {
            member.name: found.read()
            for member in archive
            if (found := archive.extractfile(member)) is not None
        }


def test_the_same_policies_elsewhere_give_the_same_bytes(
    compiled: dict[str, bytes], opa: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(REPOSITORY / "policies", tmp_path / "copy")
    assert compile_policies(copy, CATALOG, opa) == compiled


def test_tests_and_cases_are_left_out(compiled: dict[str, bytes]) -> None:
    names = bundle(compiled)
    assert "/gateway/inference/inference.rego" in names
    assert not any("_test" in name or "cases" in name for name in names)


def test_data_and_catalogue_are_what_policies_see(compiled: dict[str, bytes]) -> None:
    data = json.loads(compiled["policy/data.json"])
    assert json.loads(bundle(compiled)["/data.json"]) == data
    assert {"roles", "tiers", "limits"} <= data.keys()
    assert data["catalog"]["models"]["chat"] == {
        "task": "chat",
        "backend": "triton",
        "backend_kind": "triton",
        "cluster": "triton",
        "region": "eu-west",
        "versions": ["1", "2"],
        "aliases": {"stable": "1", "next": "2"},
        "default": "1",
        "context_length": 1024,
        "price": {"prompt": 150_000, "completion": 600_000},
    }


def test_the_revision_follows_policies_and_data(
    compiled: dict[str, bytes], opa: Path, tmp_path: Path
) -> None:
    def revision(files: dict[str, bytes]) -> str:
        return str(json.loads(bundle(files)["/.manifest"])["revision"])

    changed = shutil.copytree(REPOSITORY / "policies", tmp_path / "changed")
    (changed / "gateway/example/example_test.rego").unlink()
    assert revision(compile_policies(changed, CATALOG, opa)) == revision(compiled)
    (changed / "data/more.yaml").write_text("more: true\n")
    assert revision(compile_policies(changed, CATALOG, opa)) != revision(compiled)


def test_policies_that_list_no_models_get_the_shipped_list(
    compiled: dict[str, bytes], opa: Path, tmp_path: Path
) -> None:
    """It is their own admission's, and whatever else they are, nothing of theirs changes."""
    copy = shutil.copytree(REPOSITORY / "policies", tmp_path / "copy")
    shutil.rmtree(copy / "gateway/listing")
    made = compile_policies(copy, CATALOG, opa)
    assert made["policy/policy.wasm"] == compiled["policy/policy.wasm"]
    assert bundle(made)["/gateway/listing/listing.rego"]
    assert not (copy / "gateway/listing").exists()


def test_an_error_in_such_policies_has_its_place_too(opa: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(REPOSITORY / "policies", tmp_path / "copy")
    shutil.rmtree(copy / "gateway/listing")
    file = copy / "gateway/hours/hours.rego"
    file.write_text("package gateway.hours\n\ndeny := nonesuch\n")
    with pytest.raises(ConfigurationError, match="nonesuch") as raised:
        compile_policies(copy, CATALOG, opa)
    assert (raised.value.file, raised.value.line) == (file, 3)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("package gateway.broken\n\nallow if {\n", 4),
        ("package gateway.broken\n\nallow if nonsense(input)\n", 3),
    ],
)
def test_an_error_in_rego_has_its_place(opa: Path, tmp_path: Path, text: str, line: int) -> None:
    policies = shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")
    broken = policies / "gateway/broken.rego"
    broken.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        compile_policies(policies, CATALOG, opa)
    assert (caught.value.file, caught.value.line) == (broken, line)


def test_all_errors_in_rego_are_told(opa: Path, tmp_path: Path) -> None:
    policies = shutil.copytree(REPOSITORY / "policies", tmp_path / "pol icies")
    for name in ("one", "two"):
        text = f"package gateway.{name}\n\nallow if nonsense(input)\n"
        (policies / f"gateway/{name}.rego").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        compile_policies(policies, CATALOG, opa)
    assert [line.partition(": ")[0] for line in caught.value.message.splitlines()] == [
        f"{policies}/gateway/one.rego:3",
        f"{policies}/gateway/two.rego:3",
    ]


def test_data_that_is_no_yaml(opa: Path, tmp_path: Path) -> None:
    policies = shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")
    (policies / "data/broken.yaml").write_text("a: [1\n")
    with pytest.raises(ConfigurationError, match=r"data/broken\.yaml:1: "):
        compile_policies(policies, CATALOG, opa)


def test_an_empty_directory(opa: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no policies"):
        compile_policies(tmp_path, CATALOG, opa)


def test_policies_without_an_entry_point(opa: Path, tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway/other.rego").write_text("package gateway.other\n")
    with pytest.raises(ConfigurationError, match="can't be built"):
        compile_policies(tmp_path, CATALOG, opa)


def test_no_opa(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't be run"):
        compile_policies(REPOSITORY / "policies", CATALOG, tmp_path / "opa")
