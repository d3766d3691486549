"""A change of files is noticed once, when it is complete."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extauth.stack.sources.watch import QUIET_SECONDS, Watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    directory = tmp_path / "policies"
    (directory / "gateway").mkdir(parents=True)
    (directory / "gateway" / "a.rego").write_text("package a\n")
    (tmp_path / "gateway.yaml").write_text("version: 1\n")
    return directory


@pytest.mark.parametrize(
    "change",
    [
        lambda policies: (policies / "gateway" / "a.rego").write_text("package b # longer\n"),
        lambda policies: (policies / "gateway" / "b.rego").write_text("package b\n"),
        lambda policies: (policies / "gateway" / "a.rego").unlink(),
        lambda policies: (policies.parent / "gateway.yaml").write_text("version: 12\n"),
    ],
)
async def test_every_kind_of_change(policies: Path, change: Callable[[Path], object]) -> None:
    watched = Watched(policies.parent / "gateway.yaml", policies)
    change(policies)
    await asyncio.wait_for(watched.changed(), 10)


async def test_a_change_in_many_steps_is_one(policies: Path) -> None:
    watched = Watched(policies.parent / "gateway.yaml", policies)
    noticed = asyncio.create_task(watched.changed())
    for number in range(8):
        (policies / "gateway" / f"{number}.rego").write_text("package c\n")
        done, _ = await asyncio.wait({noticed}, timeout=QUIET_SECONDS / 4)
        assert not done
    await asyncio.wait_for(noticed, 10)
    again = asyncio.create_task(watched.changed())
    done, _ = await asyncio.wait({again}, timeout=2 * QUIET_SECONDS)
    assert not done
    again.cancel()


async def test_an_editors_files_are_no_change(policies: Path) -> None:
    watched = Watched(policies.parent / "gateway.yaml", policies)
    (policies / "gateway" / ".a.rego.swp").write_text("being edited")
    noticed = asyncio.create_task(watched.changed())
    done, _ = await asyncio.wait({noticed}, timeout=2 * QUIET_SECONDS)
    assert not done
    noticed.cancel()
