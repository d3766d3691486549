"""Usual usage of requests to a model, for requests whose own is unknown."""

from __future__ import annotations

import msgspec


class Habit(msgspec.Struct):
    """Sums over the answered requests to one model so far."""

    requests: int = 0
    seconds: float = 0.0
    generated: int = 0
    allowed: int = 0


class Habits(msgspec.Struct):
    """Running means by model, over everything earlier in the trace. Not thread-safe.

    A request that was not served has no usage on record. It is assumed to generate the mean share
    of its worst case, and to last the mean time, of the earlier requests to its model; to a model
    without any, the whole of its worst case, in no time.
    """

    models: dict[str, Habit] = {}

    def learn(self, model: str, generated: int, allowed: int, seconds: float) -> None:
        """Add an answered request: `generated` tokens of at most `allowed`, in `seconds`."""
        habit = self.models.get(model)
        if habit is None:
            habit = self.models[model] = Habit()
        habit.requests += 1
        habit.seconds += seconds
        habit.generated += generated
        habit.allowed += allowed

    def generated(self, model: str, allowed: int) -> int:
        """Return the tokens that a request would probably generate, of at most `allowed`."""
        habit = self.models.get(model)
        if habit is None or not habit.allowed:
            return allowed
        return min(allowed, round(allowed * habit.generated / habit.allowed))

    def seconds(self, model: str) -> float:
        """Return the seconds that a request would probably take."""
        habit = self.models.get(model)
        return habit.seconds / habit.requests if habit else 0.0
