"""What is read of a callgrind dump, and what is said where there is no valgrind."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import MeasurementFailed
from bench.gate.instructions import require_valgrind, summary

DUMP = """# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 4242
cmd:  python -P -m extauth.cli serve
part: 2

desc: Timerange: Basic block 48145883 - 51718775
desc: Trigger: dump

positions: line
events: Ir
summary: 407029022


ob=(1) /usr/bin/python3.11
fn=(8) _PyEval_EvalFrameDefault
0 5125387
totals: 407029022
"""


def test_the_sum_of_a_dump_is_read() -> None:
    assert summary(DUMP) == 407_029_022


@pytest.mark.parametrize(
    "dump",
    [
        "",
        DUMP.replace("summary: 407029022\n", ""),
        DUMP.replace("summary: 407029022", "summary: "),
        DUMP.replace("events: Ir", "events: Ir Dr Dw").replace("29022", "29022 1 2"),
    ],
    ids=["empty", "no sum", "no number", "other events"],
)
def test_a_dump_without_a_sum_of_instructions_is_no_zero(dump: str) -> None:
    with pytest.raises(MeasurementFailed, match="no sum of instructions"):
        summary(dump)


def test_missing_valgrind_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MeasurementFailed, match=r"valgrind is not installed.*apt install valgrind"):
        require_valgrind()
