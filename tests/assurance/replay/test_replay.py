"""A candidate against recorded traffic: exactly what changes, and nothing else."""

from __future__ import annotations

import gzip
import sqlite3
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.assurance.findings import render
from extauth.assurance.replay.replay import Comparison, replay
from extauth.assurance.replay.report import report
from extauth.assurance.replay.trace import open_trace
from extauth.audit import AuditRecord, AuditWriter, Outcome
from extauth.audit.sqlite import SqliteLog
from extauth.errors import ConfigurationError
from extauth.facts import at_admission
from extauth.obligations import Decision, Reason

from .conftest import COUNT, MANY
from .trace import START, line, records

if TYPE_CHECKING:
    from extauth.assurance.replay.build import PolicyBuild
    from extauth.assurance.replay.figures import Figures
    from extauth.policy import WasmEngine

    from .conftest import Change, Run

pytestmark = pytest.mark.slow

FIRST_VERSION = Path(__file__).with_name("version-1.jsonl")
"""As the gateway wrote them before records had a guard, a load and a behaviour."""

KINDS = ("new_denies", "new_allows", "changed_rules", "changed_obligations", "changed_routes")


def read(path: Path) -> list[AuditRecord]:
    return [msgspec.json.decode(row, type=AuditRecord) for row in path.read_bytes().splitlines()]


def counts(figures: Figures) -> dict[str, int]:
    return {kind: getattr(figures, kind).count for kind in (*KINDS, "errors", "new_429s")}


def test_the_same_policies_change_nothing(shipped: PolicyBuild, run: Run) -> None:
    figures = run(shipped)

    assert figures.compared == figures.records == COUNT
    assert figures.migrated == 0
    assert set(counts(figures).values()) == {0}
    assert figures.before == figures.after
    assert figures.before.reserved > COUNT / 4


def test_one_changed_number_flips_exactly_what_it_is_about(
    change: Change, run: Run, recorded: Path
) -> None:
    candidate = change("data/tiers.yaml", "max_prompt_tokens: 512", "max_prompt_tokens: 300")
    expected = Counter(
        record.principal.tenant
        for record in read(recorded)
        if record.decision and record.decision.allow and record.principal
        if record.principal.tier == "free"
        and record.facts and record.facts.tokens and record.facts.tokens.prompt > 300
    )  # fmt: skip

    figures = run(candidate)

    assert expected
    assert figures.new_denies.count == expected.total()
    assert figures.new_denies.tenants == expected
    assert figures.new_denies.models == {"chat": expected.total()}
    (rule,) = figures.new_denies.by
    assert "prompt" in rule
    assert figures.new_allows.count == figures.errors.count == figures.changed_routes.count == 0
    flipped = {example.request_id for example in figures.new_denies.examples}
    assert len(flipped) == 5
    assert figures.after.tokens < figures.before.tokens
    assert figures.after.cost < figures.before.cost


def test_what_is_loosened_is_newly_allowed(change: Change, run: Run, recorded: Path) -> None:
    candidate = change("data/tiers.yaml", "max_prompt_tokens: 512", "max_prompt_tokens: 100000")
    alone = [
        record.request_id
        for record in read(recorded)
        if len(record.rules) == 1 and "prompt" in record.rules[0]
    ]

    figures = run(candidate)

    assert alone
    assert figures.new_allows.count == len(alone)
    assert figures.new_denies.count == 0
    assert [example.request_id for example in figures.new_allows.examples] == alone[:5]
    assert figures.after.reserved > figures.before.reserved


def test_a_request_that_admission_denied_passes_as_far_as_admission_can_tell(
    shipped: PolicyBuild, run: Run, recorded: Path, tmp_path: Path
) -> None:
    record = read(recorded)[0]
    assert record.facts
    refused = msgspec.structs.replace(
        record,
        facts=at_admission(record.facts),
        decision=Decision(allow=False, reasons=(Reason("hours.closed", "Closed."),)),
        outcome=Outcome.DENIED,
        route=None,
        usage=None,
    )
    path = tmp_path / "refused.jsonl"
    path.write_bytes(line(refused))

    figures = run(shipped, path)

    assert figures.new_allows.by == {"hours.closed": 1}
    assert figures.new_allows.count == figures.new_allows.admission_only == 1
    assert figures.before.reserved == figures.after.reserved == 0


def test_a_role_that_may_less_is_denied_by_admission(change: Change, run: Run) -> None:
    candidate = change(
        "data/roles.yaml",
        "operations: [chat.completions, models.*, usage, server.live, server.ready]",
        "operations: [models.*]",
    )

    figures = run(candidate)

    assert figures.new_denies.tenants.keys() == {"globex"}
    assert figures.new_denies.roles.keys() == {"viewer"}


def test_admission_is_asked_without_what_it_never_sees(change: Change, run: Run) -> None:
    candidate = change(
        "gateway/hours/hours.rego",
        "package gateway.hours\n",
        "package gateway.hours\n\n"
        'deny contains {"rule": "early", "message": "", "status": 403} if {\n'
        "\tis_null(input.guard)\n\tis_null(input.load)\n\tis_null(input.behaviour)\n}\n",
    )

    figures = run(candidate)

    assert figures.after.reserved == 0
    assert figures.new_denies.by == {"early": figures.new_denies.count}


def test_changed_obligations_are_told_by_type_and_name(
    change: Change, run: Run, recorded: Path
) -> None:
    candidate = change(
        "data/limits.yaml",
        "name: principal-tokens, of: [principal], unit: tokens, window: 60, max: 4000 }",
        "name: principal-tokens, of: [principal], unit: tokens, window: 60, max: 3000 }",
    )
    free = [
        record
        for record in read(recorded)
        if record.usage and record.principal and record.principal.tier == "free"
    ]

    figures = run(candidate)

    assert figures.changed_obligations.by == {"limit principal-tokens": len(free)}
    assert figures.new_denies.count == figures.changed_routes.count == 0
    before, after = (
        getattr(figures.changed_obligations.examples[0], side) for side in ("before", "after")
    )
    assert "4000 tokens in 60 s" in before
    assert "3000 tokens in 60 s" in after


def test_a_lower_limit_is_felt_by_those_it_is_for(change: Change, run: Run) -> None:
    candidate = change(
        "data/limits.yaml",
        "name: tenant-requests, of: [tenant], unit: requests, window: 60, max: 100 }",
        "name: tenant-requests, of: [tenant], unit: requests, window: 60, max: 3 }",
    )

    figures = run(candidate)

    assert figures.before.refused == 0
    assert figures.after.limits.keys() == {"tenant-requests"}
    assert figures.after.tenants.keys() == {"globex", "umbrella"}
    assert figures.after.refused == figures.new_429s.count > 10
    assert figures.after.reserved + figures.after.refused == figures.before.reserved


def test_a_clamp_lowers_what_is_generated(change: Change, run: Run, recorded: Path) -> None:
    candidate = change("data/tiers.yaml", "    max_tokens: 4096\n", "    max_tokens: 16\n")
    premium = [
        record.usage
        for record in read(recorded)
        if record.usage and record.principal and record.principal.tier == "premium"
    ]
    saved = sum(max(0, usage.completion_tokens - 16) for usage in premium)

    figures = run(candidate)

    assert saved > 0
    assert figures.changed_obligations.by["clamp"] > 0
    assert figures.before.completion_tokens - figures.after.completion_tokens == saved
    assert figures.before.prompt_tokens == figures.after.prompt_tokens


def test_changed_routes_are_told(change: Change, run: Run) -> None:
    candidate = change("data/routing.yaml", "share: 1000", "share: 10000")

    figures = run(candidate)

    assert figures.changed_routes.by.keys() == {"chat@1 to chat@2"}
    assert figures.changed_obligations.count == figures.new_denies.count == 0


def test_two_candidates_are_compared_with_each_other(
    shipped: PolicyBuild, change: Change, run: Run
) -> None:
    candidate = change("data/tiers.yaml", "max_prompt_tokens: 512", "max_prompt_tokens: 300")

    forth, back = run(candidate, base=shipped), run(shipped, base=candidate)

    assert forth.new_denies.count == back.new_allows.count > 0
    assert forth.before == back.after
    assert forth.new_denies == run(candidate).new_denies
    assert set(counts(run(candidate, base=candidate)).values()) == {0}


def test_a_policy_that_cannot_decide_denies_and_is_shown_apart(change: Change, run: Run) -> None:
    candidate = change(
        "gateway/inference/inference.rego",
        "package gateway.inference\n",
        "package gateway.inference\n\n"
        'decision := {"allow": input.principal.tenant == "acme", "routes": 1} if '
        'input.principal.tenant == "acme"\n',
    )

    figures = run(candidate)

    assert figures.errors.tenants.keys() == {"acme"}
    assert all(name.startswith("gateway.inference: ") for name in figures.errors.by)
    assert figures.new_denies.by == {"policy_error": figures.new_denies.count}


def test_a_policy_that_loops_is_cut_short_denies_and_is_named(
    change: Change, run: Run, engine: WasmEngine, tmp_path: Path
) -> None:
    candidate = change(
        "gateway/tokens/tokens.rego",
        "package gateway.tokens\n",
        "package gateway.tokens\n\n"
        'deny contains {"rule": "slow", "message": ""} if {\n'
        "\tcount([1 | some a in numbers.range(1, 10000); some b in numbers.range(1, 10000); "
        "a + b == input.tokens.prompt]) == -1\n}\n",
    )
    few = tmp_path / "few.jsonl"
    few.write_bytes(b"".join(map(line, records(engine, 4))))

    figures = run(candidate, few)

    assert figures.errors.count > 0
    assert all(
        name.startswith("gateway.inference: ") and "took too long" in name
        for name in figures.errors.by
    )
    assert figures.new_denies.by == {"policy_error": figures.new_denies.count}
    assert figures.late == {"gateway.inference": ("gateway.tokens",)}
    told = render(report(Comparison(candidate), figures, ()), "text")
    assert "took too long in package gateway.tokens (" in told


def test_a_range_and_a_sample(shipped: PolicyBuild, run: Run) -> None:
    part = run(shipped, since=START + 50, until=START + 150)
    sample = run(shipped, sample=0.25)

    assert part.compared == 200
    assert (part.first, part.last) == (START + 50, START + 149.5)
    assert COUNT * 0.15 < sample.compared < COUNT * 0.35
    assert sample == run(shipped, sample=0.25)


async def test_an_audit_log_says_the_same_as_its_export(
    change: Change, run: Run, recorded: Path, tmp_path: Path
) -> None:
    candidate = change("data/tiers.yaml", "max_prompt_tokens: 512", "max_prompt_tokens: 300")
    log, compressed = tmp_path / "audit.db", tmp_path / "records.jsonl.gz"
    compressed.write_bytes(gzip.compress(recorded.read_bytes()))
    kept = SqliteLog(log)
    writer = AuditWriter(kept, retention=86_400, clock=lambda: START)
    await writer.start()
    for record in reversed(read(recorded)):
        await writer.record(record)
    await writer.close()
    kept.close()

    assert run(candidate, log) == run(candidate, recorded) == run(candidate, compressed)
    assert run(candidate, log, since=START + 7, until=START + 9).compared == 4


def test_records_without_facts_are_out_of_reach(
    shipped: PolicyBuild, run: Run, recorded: Path, tmp_path: Path
) -> None:
    record = read(recorded)[0]
    stranger = msgspec.structs.replace(
        record, facts=None, decision=None, principal=None, outcome=Outcome.DENIED, error="no_key"
    )
    path = tmp_path / "two.jsonl"
    path.write_bytes(line(stranger) + line(record))

    figures = run(shipped, path)

    assert (figures.records, figures.compared, figures.out_of_reach) == (2, 1, 1)


def test_a_broken_line_is_named(
    shipped: PolicyBuild, run: Run, recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(recorded.read_bytes()[:-100])
    with pytest.raises(ConfigurationError, match=rf"cut.jsonl:{COUNT}: not an audit record"):
        run(shipped, path)

    newer = recorded.read_bytes().replace(b'"version":2}', b'"version":7}')
    path.write_bytes(newer)
    with pytest.raises(ConfigurationError, match=r"cut.jsonl:1: .* version 7; .* version 1 to 2"):
        run(shipped, path)

    lines = recorded.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[3] + lines[0])
    with pytest.raises(ConfigurationError, match=r"cut.jsonl:2: older"):
        run(shipped, path)

    whole = gzip.compress(recorded.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigurationError, match=r"cut.jsonl.*truncated"):
        run(shipped, path)


def test_records_of_the_first_version_are_migrated_and_counted(
    shipped: PolicyBuild, change: Change, run: Run, tmp_path: Path
) -> None:
    unnumbered = tmp_path / "unnumbered.jsonl"
    unnumbered.write_bytes(FIRST_VERSION.read_bytes().replace(b',"version":1}', b"}"))
    wary = change("data/guard.yaml", "score: 0.8", "score: 0")

    figures = run(shipped, FIRST_VERSION)

    assert figures.compared == figures.migrated == len(FIRST_VERSION.read_bytes().splitlines())
    assert figures.new_denies.count == figures.new_allows.count == 0
    assert run(shipped, unnumbered) == figures
    # What the guard would have found is nothing, not unknown.
    assert "guard.injection" in run(wary, FIRST_VERSION).new_denies.by


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"audit.db: no decisions"):
        open_trace(tmp_path / "audit.db")

    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(ConfigurationError, match=r"other.db: written by another version"):
        open_trace(tmp_path / "other.db")


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
