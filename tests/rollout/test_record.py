"""What several workers write down of one trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.rollout import Mode, TrialOrder
from extauth.rollout.record import (
    ShadowCount,
    ShadowExample,
    ShadowTally,
    TrialRecord,
    end_interrupted,
    load,
    save,
)

if TYPE_CHECKING:
    from pathlib import Path

ORDER = TrialOrder("abc", "policies", 10_000)


def tally(denies: int, *, tenant: str, failures: int = 0) -> ShadowTally:
    """Of three requests for each deny."""
    return ShadowTally(
        compared=3 * denies,
        equal=2 * denies,
        dropped=1,
        errors={"it loops": failures} if failures else {},
        differences={"new_denies": denies},
        counts=(
            ShadowCount("new_denies", "budget", "acme", 1),
            ShadowCount("new_denies", "role", tenant, denies),
        ),
        examples=(ShadowExample(f"r-{tenant}", 1.0, "new_denies", ("role",), tenant),),
    )


def record(
    found: ShadowTally | None, *, started: float = 100.0, order: TrialOrder = ORDER
) -> TrialRecord:
    return TrialRecord(Mode.SHADOW, order, "snapshot", started, tally=found)


def test_what_workers_found_out_is_added_up(tmp_path: Path) -> None:
    save(tmp_path, record(tally(2, tenant="acme")))
    save(tmp_path, record(tally(5, tenant="globex", failures=4), started=100.1), 1)
    save(tmp_path, record(tally(1, tenant="acme", failures=1), started=103.0), 2)
    found = load(tmp_path, Mode.SHADOW)
    assert found is not None
    assert found.tally is not None
    assert (found.tally.compared, found.tally.equal, found.tally.dropped) == (24, 16, 3)
    assert found.tally.errors == {"it loops": 5}
    assert found.tally.differences == {"new_denies": 8}
    assert found.tally.counts == (
        ShadowCount("new_denies", "budget", "acme", 3),
        ShadowCount("new_denies", "role", "acme", 3),
        ShadowCount("new_denies", "role", "globex", 5),
    )
    assert [one.request_id for one in found.tally.examples] == ["r-acme", "r-globex", "r-acme"]


@pytest.mark.parametrize(
    "other",
    [
        record(tally(5, tenant="acme"), started=99.0),
        record(tally(5, tenant="acme"), order=TrialOrder("other", "policies", 10_000)),
        record(None),
    ],
    ids=["before", "of another candidate", "without one"],
)
def test_another_trial_is_not_counted(tmp_path: Path, other: TrialRecord) -> None:
    save(tmp_path, record(tally(2, tenant="acme")))
    save(tmp_path, other, 1)
    assert load(tmp_path, Mode.SHADOW) == record(tally(2, tenant="acme"))


def test_a_worker_ends_what_it_did_not_end_itself_and_nothing_else(tmp_path: Path) -> None:
    save(tmp_path, record(tally(2, tenant="acme")))
    save(tmp_path, record(tally(3, tenant="acme")), 1)
    end_interrupted(tmp_path, 1)
    found = load(tmp_path, Mode.SHADOW)
    assert found is not None
    assert found.running
    end_interrupted(tmp_path)
    found = load(tmp_path, Mode.SHADOW)
    assert found is not None
    assert found.why == "the service was restarted"
    # What it added up is not written back: it would count twice.
    assert found.tally is not None
    assert found.tally.compared == 15
