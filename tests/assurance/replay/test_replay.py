"""A candidate against recorded traffic: exactly what changes, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.assurance.findings import render
from extauth.assurance.replay.replay import Comparison
from extauth.assurance.replay.report import report
from extauth.audit import Outcome
from extauth.facts import at_admission
from extauth.obligations import Decision, Reason
from tests.assurance.replay.trace import read

from .conftest import COUNT
from .trace import START, line, records

if TYPE_CHECKING:
    from extauth.assurance.replay.build import PolicyBuild
    from extauth.assurance.replay.figures import Figures
    from extauth.policy import WasmEngine

    from .conftest import Change, Run

pytestmark = pytest.mark.slow
"""As the gateway wrote them before records had a guard, a load and a behaviour."""

KINDS = ("new_denies", "new_allows", "changed_rules", "changed_obligations", "changed_routes")


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
