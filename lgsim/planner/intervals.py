"""Prices of all intervals of a run of ops: lower bounds first, exact where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lgsim.planner.bounds import IMPOSSIBLE, interval_bounds
from lgsim.planner.group import Evaluation, GroupEvaluator
from lgsim.planner.group.pattern import Pattern


class Intervals:
    """Cycles of every interval of a run, as bounds or prices.

    Parameters
    ----------
    pattern : Pattern
        All ops of the run.
    evaluator : GroupEvaluator
        Prices groups.
    alone : sequence of int or None
        Cycles of each op as a global layer; None if it does not fit.

    Attributes
    ----------
    count : int
        Ops of the run.
    cycles : array of int64, shape (count + 1, count + 1)
        Cycles of the interval from `start` to `stop` at [stop, start]: the price if it is known,
        else no more than the price; IMPOSSIBLE if it cannot be a section.
    known : array of bool, same shape
        Whether `cycles` is the price.
    effort : int
        What the evaluations have cost, as `GroupEvaluator` counts it.
    """

    def __init__(
        self, pattern: Pattern, evaluator: GroupEvaluator, alone: Sequence[int | None]
    ) -> None:
        self.pattern = pattern
        self.evaluator = evaluator
        self.count = len(pattern.members)
        self.effort = 0
        self.cycles = interval_bounds(pattern, evaluator)
        for start, cycles in enumerate(alone):
            if cycles is not None:
                self.cycles[start + 1, start] = cycles
        self.known = self.cycles >= IMPOSSIBLE
        self.known |= np.eye(self.count + 1, k=-1, dtype=np.bool_)

    def settle(self, start: int, stop: int, limit: int | None = None) -> None:
        """Find the price of an interval; IMPOSSIBLE if it is seen to reach the limit."""
        before = self.evaluator.effort
        found = self.evaluator.evaluate(self.pattern.part(start, stop), limit)
        self.effort += self.evaluator.effort - before
        cycles = found.price.cycles if isinstance(found, Evaluation) else IMPOSSIBLE
        self.cycles[stop, start] = cycles
        self.known[stop, start] = True

    def group(self, start: int, stop: int) -> Evaluation:
        """The interval as a layer group; its price must be known."""
        found = self.evaluator.evaluate(self.pattern.part(start, stop))
        assert isinstance(found, Evaluation)
        return found
