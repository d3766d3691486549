"""The report of a campaign."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.place import told as place
from extauth.assurance.findings import Check, Diagnostic, Report, Severity
from extauth.assurance.mutation.equivalents import FILE
from extauth.assurance.mutation.mutant import Mutant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.assurance.mutation.equivalents import Equivalent, Expected

TITLE = "Mutation testing"


class CampaignOutcome(msgspec.Struct, frozen=True):
    """The outcome of every mutant. Those that are `refused` do not compile."""

    killed: tuple[Mutant, ...]
    survived: tuple[Mutant, ...]
    refused: tuple[Mutant, ...]
    seconds: float


def report(
    outcome: CampaignOutcome, expected: Expected, lines: Sequence[int], root: Path
) -> Report:
    """Report the score, every survivor with its diff, and the faults of the list of equivalents.

    `lines` are those of the list's entries. An equivalent mutant is neither killed nor survived.
    """
    listed = expected.equivalent
    equivalent = [one for one in outcome.survived if any(entry.matches(one) for entry in listed)]
    survivors = [one for one in outcome.survived if one not in equivalent]
    killed, survived = len(outcome.killed), len(survivors)
    score = 100 * killed / (killed + survived) if killed + survived else 100.0
    # Never rounded up to a threshold that it does not reach.
    told = f"{math.floor(score * 10) / 10:g} %"
    findings = [_survivor(mutant, root) for mutant in survivors]
    if score < expected.threshold:
        short = f"the tests notice {told} of the changes, expected {expected.threshold:g} %"
        findings.insert(0, Diagnostic(short))
    summary = (
        f"Score {told}: {killed} of {killed + survived} mutants killed, {survived} survived. "
        f"Beside these {len(equivalent)} are equivalent and {len(outcome.refused)} do not compile."
    )
    stale = [
        _stale(entry, line, outcome, root)
        for entry, line in zip(listed, lines, strict=True)
        if not any(entry.matches(mutant) for mutant in outcome.survived)
    ]
    checks = (
        Check("mutation", f"Mutants ({told})", outcome.seconds, tuple(findings)),
        Check("equivalents", "Equivalent mutants", findings=tuple(stale)),
    )
    return Report(TITLE, checks, summary)


def broken(failures: Sequence[str], seconds: float) -> Report:
    """Report that the tests fail without any change, and so can notice nothing."""
    found = Diagnostic(
        "the tests fail before anything is changed; make `sluice test` pass first",
        detail="\n".join(failures),
    )
    return Report(TITLE, (Check("mutation", "Mutants", seconds, (found,)),))


def _survivor(mutant: Mutant, root: Path) -> Diagnostic:
    file = place(root / mutant.module.file)
    return Diagnostic(
        f"no test notices this change ({mutant.operator})",
        level=Severity.WARNING,
        file=file,
        line=mutant.line,
        detail=mutant.diff(file),
    )


def _stale(entry: Equivalent, line: int, outcome: CampaignOutcome, root: Path) -> Diagnostic:
    noticed = any(entry.matches(mutant) for mutant in outcome.killed)
    why = (
        "a test notices this change, so it is not equivalent"
        if noticed
        else "no change is this one any more; remove the entry"
    )
    return Diagnostic(
        why,
        file=place(root / FILE),
        line=line,
        detail=f"{entry.file}\n-{entry.line}\n+{entry.becomes}",
    )
