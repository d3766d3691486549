"""Tally of batches, in the order of the trace: differences, limits, tokens, cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from extauth.assurance.replay.figures import ChangeCount, Figures, Side
from extauth.assurance.replay.habits import Habits
from extauth.assurance.replay.simulation import Simulation, SimulationState
from extauth.policy.verdict import Difference, Verdict, differences
from extauth.settings import DatedPrice, Price
from extauth.usage.prices import Tariff, price_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.assurance.replay.batch import Batch, Judged, TokenDemand
    from extauth.assurance.replay.simulation import SimulatedOutcome
    from extauth.obligations import Route

# Costs are micro-units.
_UNIT = 1e6
_FREE = Tariff()


class Prices(NamedTuple):
    """The prices of models, by name."""

    models: Mapping[str, Tariff]

    @classmethod
    def of(cls, catalog: Mapping[str, Any]) -> Prices:
        """Return the prices of `data.catalog.models`; a model without one is free."""
        return cls(
            {
                name: Tariff(
                    _price(model.get("price") or {}),
                    tuple(
                        DatedPrice(float(each["from"]), _price(each), tuple(each["versions"]))
                        for each in model.get("prices", ())
                    ),
                )
                for name, model in catalog.items()
            }
        )

    def at(self, route: Route | None, time: float) -> Price:
        """Return the price at a moment; nothing without a route."""
        if route is None:
            return Price()
        return price_of(self.models.get(route.model, _FREE), route.version, time)


def _price(told: Mapping[str, Any]) -> Price:
    return Price(int(told.get("prompt", 0)), int(told.get("completion", 0)))


class Ledgers(msgspec.Struct):
    """Both simulations on disk; `after` is None while nothing has told them apart."""

    before: SimulationState
    after: SimulationState | None
    habits: Habits


class Tally:
    """The figures so far, one tally for a whole replay. Not thread-safe.

    One simulation stands for both sides until they differ.
    """

    def __init__(self, before: Prices, after: Prices) -> None:
        self.figures = Figures()
        self._prices = (before, after)
        self._before = Simulation()
        # Other prices fill limits of cost otherwise, from the first request on.
        self._after = None if before.models == after.models else Simulation()
        self._habits = Habits()

    def resume(self, figures: Figures, ledgers: Ledgers) -> None:
        """Go on where another tally stood."""
        self.figures = figures
        self._before = Simulation.resumed(ledgers.before)
        self._after = Simulation.resumed(ledgers.after) if ledgers.after else None
        self._habits = ledgers.habits

    def ledgers(self) -> Ledgers:
        """Return what `resume` needs besides the figures."""
        after = self._after.state() if self._after else None
        return Ledgers(self._before.state(), after, self._habits)

    def add(self, batch: Batch) -> None:
        """Add a batch. Batches come in the order of the trace."""
        figures, verdicts = self.figures, batch.verdicts
        figures.records += batch.read
        figures.migrated += batch.migrated
        figures.out_of_reach += batch.unreachable
        figures.compared += len(batch.judged)
        if batch.judged:
            if figures.first is None:
                figures.first = batch.judged[0].time
            figures.last = batch.judged[-1].time
        found: dict[tuple[int, int], tuple[Difference, ...]] = {}
        for judged in batch.judged:
            before, after = verdicts[judged.before], verdicts[judged.after]
            figures.recorded_429s += judged.limited
            if judged.before != judged.after:
                pair = (judged.before, judged.after)
                if pair not in found:
                    found[pair] = differences(before, after)
                self._differ(judged, before, after, found[pair])
            if after.failure is not None:
                failure = f"{after.failure.package}: {after.failure.message}"
                figures.errors.add(judged, (failure,), str(before), str(after))
            if judged.demand is not None and judged.demand.fate != "apart":
                self._simulate(judged, judged.demand, before, after)

    def _differ(
        self, judged: Judged, before: Verdict, after: Verdict, found: tuple[Difference, ...]
    ) -> None:
        for difference in found:
            change: ChangeCount = getattr(self.figures, difference.kind)
            told = (str(before), str(after))
            if difference.kind == "changed_obligations":
                told = (before.under(difference.by), after.under(difference.by))
            change.add(judged, difference.by, *told)

    def _simulate(
        self, judged: Judged, demand: TokenDemand, before: Verdict, after: Verdict
    ) -> None:
        habits, allowed = self._habits, demand.choice * demand.n
        generated = demand.completion
        if generated is None:
            generated = habits.generated(judged.model, allowed)
        seconds = demand.seconds
        if seconds is None:
            seconds = habits.seconds(judged.model)
        if self._after is None and before != after:
            self._after = Simulation.resumed(self._before.state())
        old = new = None
        if before.allow:
            old = self._before.run(
                judged,
                before,
                demand,
                self._prices[0].at(before.route, judged.time),
                generated=generated,
                seconds=seconds,
            )
        if self._after is None:
            new = old
        elif after.allow:
            new = self._after.run(
                judged,
                after,
                demand,
                self._prices[1].at(after.route, judged.time),
                generated=generated,
                seconds=seconds,
            )
        self._enter(self.figures.before, judged, before, old)
        self._enter(self.figures.after, judged, after, new)
        self._limits(judged, old, new)
        if demand.fate == "used" and demand.completion is not None:
            habits.learn(judged.model, demand.completion, allowed, seconds)

    def _enter(
        self, side: Side, judged: Judged, verdict: Verdict, outcome: SimulatedOutcome | None
    ) -> None:
        if outcome is None or verdict.route is None:
            return
        if outcome.refused is not None:
            side.refuse(outcome.refused, judged.tenant)
            return
        side.reserved += 1
        if outcome.queued is not None:
            side.queue(outcome.queued)
        if outcome.usage is not None:
            side.prompt_tokens += outcome.usage.prompt_tokens
            side.completion_tokens += outcome.usage.completion_tokens
            side.cost += outcome.usage.cost / _UNIT

    def _limits(
        self, judged: Judged, old: SimulatedOutcome | None, new: SimulatedOutcome | None
    ) -> None:
        refused = old.refused if old else None
        refuses = new.refused if new else None
        if refuses is not None and refused is None:
            self.figures.new_429s.add(judged, (refuses,), "no 429", f"429 ({refuses})")
        elif refused is not None and refuses is None:
            self.figures.gone_429s.add(judged, (refused,), f"429 ({refused})", "no 429")
