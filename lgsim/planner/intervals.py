"""Prices of all intervals of a run of ops: lower bounds first, exact where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lgsim.planner.bounds import interval_bounds
from lgsim.planner.experience import Experience
from lgsim.planner.group import Evaluation, Failure, GroupEvaluator
from lgsim.planner.group.group_type import choose_type
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.search import SMALL_GROUP
from lgsim.planner.least import IMPOSSIBLE, Int64s
from lgsim.planner.uneven import uneven_stops


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
        bounds = interval_bounds(pattern, evaluator)
        self._types, self._expected = bounds.types, bounds.expected
        self.cycles, self._cut = bounds.cycles.copy(), bounds.cut.copy()
        self._uneven = np.zeros_like(self._cut)
        self._experience = Experience([1 + (cycles or 0) for cycles in alone])
        for start, cycles in enumerate(alone):
            if cycles is not None:
                self.cycles[start + 1, start] = cycles
        self.known = self.cycles >= IMPOSSIBLE
        self.known |= np.eye(self.count + 1, k=-1, dtype=np.bool_)

    def estimates(self, share: int) -> Int64s:
        """Prices where they are known, else what to expect (see `Experience.estimates`)."""
        bounds, expected = (np.where(self.known, 0, each) for each in (self.cycles, self._expected))
        estimates = self._experience.estimates(bounds, expected, share)
        return np.where(self.known, self.cycles, estimates)

    def settle(self, start: int, stop: int, limit: int | None = None) -> None:
        """Find the price of an interval; IMPOSSIBLE if it is seen to reach the limit."""
        before, expected = self.evaluator.effort, int(self._expected[stop, start])
        found = self.evaluator.evaluate(self.pattern.part(start, stop), limit)
        self.effort += self.evaluator.effort - before
        self.known[stop, start] = True
        if isinstance(found, Evaluation):
            self.cycles[stop, start] = found.price.cycles
            self._experience.learn(start, stop, expected, found.price.cycles)
            return
        self.cycles[stop, start] = IMPOSSIBLE
        if limit is not None and found.rule == "price":
            self._experience.learn(start, stop, expected, limit, sure=False)
        elif found.rule in ("memory", "slices") and stop - start > SMALL_GROUP:
            self._rule_out(start, stop, found)

    def _rule_out(self, start: int, stop: int, failure: Failure) -> None:
        """Give up the longer intervals of the same type that cannot be cut either.

        They need no fewer slices. Small groups are left out: they are searched to the end.
        """
        kind, stops = self._types[stop, start], (stop, self.count)
        self._cut[stop:, : start + 1] = True
        if failure.rule == "slices":
            chip = self.evaluator.chip
            group_type = choose_type(self.pattern.part(start, stop), chip)
            start += max(failure.member, 0)
            stops = uneven_stops(self.pattern, group_type, start, stop, chip.lanes)
        longer = slice(stops[0], stops[1] + 1), slice(start + 1)
        self._uneven[longer] |= self._types[longer] == kind
        gone = self._cut & self._uneven & ~self.known
        self.cycles[gone] = IMPOSSIBLE
        self.known |= gone

    def group(self, start: int, stop: int) -> Evaluation:
        """The interval as a layer group; its price must be known."""
        found = self.evaluator.evaluate(self.pattern.part(start, stop))
        assert isinstance(found, Evaluation)
        return found
