"""A revision laid out to be measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import MeasurementFailed
from bench.gate.checkout import Checkout, revision, working_tree


def test_a_revision_has_its_own_code(tmp_path: Path) -> None:
    checkout = revision("HEAD", tmp_path / "base")
    assert (checkout.path / "extauth" / "__init__.py").is_file()
    assert checkout.title.startswith("HEAD (")
    environment = checkout.environment(tmp_path)
    assert environment["PYTHONPATH"] == str(tmp_path / "base")
    assert environment["PYTHONHASHSEED"] == "0"


@pytest.mark.parametrize("name", ["no-such-branch", "", "--help", "HEAD:README.md"])
def test_what_is_no_revision_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(MeasurementFailed, match=f"{name!r} is not a revision of this repository"):
        revision(name, tmp_path / "base")


def test_another_checkouts_code_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(MeasurementFailed, match="does not import extauth from"):
        Checkout("empty", tmp_path).environment(tmp_path)


def test_the_working_tree_is_this_one() -> None:
    assert working_tree().path.samefile(Path(__file__).parents[2])
