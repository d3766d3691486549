"""A replay that was interrupted, and goes on."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.replay.replay import Comparison, replay
from extauth.assurance.replay.trace import open_trace

from .conftest import MANY

if TYPE_CHECKING:
    from extauth.assurance.replay.build import PolicyBuild

    from .conftest import Change, Run

pytestmark = pytest.mark.slow


class Interrupted:
    """Ctrl-C, once so many records are done."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.seen: list[int] = []

    def __call__(self, records: int, share: float) -> None:
        self.seen.append(records)
        assert 0 <= share <= 1
        if records >= self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("how", [("plain", 1), ("gzip", 2)])
def test_an_interrupted_replay_goes_on_where_it_stood(
    change: Change, run: Run, many: Path, tmp_path: Path, how: tuple[str, int]
) -> None:
    kind, workers = how
    candidate = change(
        "data/limits.yaml",
        "name: tenant-requests, of: [tenant], unit: requests, window: 60, max: 100 }",
        "name: tenant-requests, of: [tenant], unit: requests, window: 60, max: 3 }",
    )
    path = many
    if kind == "gzip":
        path = tmp_path / "records.gz"
        path.write_bytes(gzip.compress(many.read_bytes()))
    resume, comparison = tmp_path / "kept", Comparison(candidate)
    with pytest.raises(KeyboardInterrupt):
        replay(
            comparison,
            open_trace(path),
            resume=resume,
            workers=workers,
            watch=(first := Interrupted(1)),
        )
    later = Interrupted(MANY + 1)

    figures = replay(comparison, open_trace(path), resume=resume, workers=workers, watch=later)

    assert first.seen[-1] < later.seen[0] < MANY
    # Nor does the number of workers change anything: this is one.
    assert figures == run(candidate, path)
    assert not resume.exists()


def test_a_changed_candidate_starts_anew(
    change: Change, shipped: PolicyBuild, recorded: Path, tmp_path: Path, run: Run
) -> None:
    resume = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        replay(
            Comparison(shipped),
            open_trace(recorded),
            resume=resume,
            workers=1,
            watch=Interrupted(1),
        )
    candidate = change("data/tiers.yaml", "max_prompt_tokens: 512", "max_prompt_tokens: 300")

    figures = replay(Comparison(candidate), open_trace(recorded), resume=resume, workers=1)

    assert figures == run(candidate)
