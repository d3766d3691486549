"""Watching: what counts as a change, and one in the middle of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth.assurance.checks.watch import stamps, watch


class Enough(Exception):
    """Ends a watch."""


def runs(directory: Path, *changes: Path) -> int:
    """How often something runs that changes a file each time, and at last none."""
    left, count = list(changes), 0

    def run() -> None:
        nonlocal count
        count += 1
        if not left:
            raise Enough
        file = left.pop(0)
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{count}{'x' * count}")

    with pytest.raises(Enough):
        watch(directory, run, pause=0.01)
    return count


def test_a_change_in_the_middle_of_a_run_starts_the_next(tmp_path: Path) -> None:
    rule, case = tmp_path / "a.rego", tmp_path / "cases" / "b.yaml"
    assert runs(tmp_path, rule, rule, case) == 4


def test_a_file_that_goes_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{}")
    gone: list[int] = []

    def run() -> None:
        if gone:
            raise Enough
        gone.append(1)
        (tmp_path / "data.json").unlink()

    with pytest.raises(Enough):
        watch(tmp_path, run, pause=0.01)
    assert gone == [1]


def test_only_policies_data_and_cases_count(tmp_path: Path) -> None:
    for name in (".git/x.yaml", "notes.txt", "gateway/a.rego", "data/b.yaml", "c.json"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    seen = {str(file.relative_to(tmp_path)) for file in stamps(tmp_path)}
    assert seen == {"gateway/a.rego", "data/b.yaml", "c.json"}
