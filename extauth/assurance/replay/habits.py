"""What requests of a model usually use, for those of which nobody knows."""

from __future__ import annotations

import msgspec


class Habit(msgspec.Struct):
    """Sums over the requests of one model that were answered so far."""

    requests: int = 0
    seconds: float = 0.0
    generated: int = 0
    allowed: int = 0


class Habits(msgspec.Struct):
    """Running means by model, over everything earlier in the trace. Not thread-safe.

    A request that was not served has no usage on record. It is taken to generate the mean share
    of its worst case, and to last the mean time, of the requests to its model before it; a model
    that was never answered before, the whole of its worst case, in no time.
    """

    models: dict[str, Habit] = {}

    def learn(self, model: str, generated: int, allowed: int, seconds: float) -> None:
        """A request was answered: tokens generated, out of so many at most, in so many seconds."""
        habit = self.models.get(model)
        if habit is None:
            habit = self.models[model] = Habit()
        habit.requests += 1
        habit.seconds += seconds
        habit.generated += generated
        habit.allowed += allowed

    def generated(self, model: str, allowed: int) -> int:
        """How many tokens a request would probably generate, of so many at most."""
        habit = self.models.get(model)
        if habit is None or not habit.allowed:
            return allowed
        return min(allowed, round(allowed * habit.generated / habit.allowed))

    def seconds(self, model: str) -> float:
        """How long it would probably take."""
        habit = self.models.get(model)
        return habit.seconds / habit.requests if habit else 0.0
