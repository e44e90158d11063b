"""Cheapest cuts of a run of ops: a shortest path that prices only the edges it needs."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.planner.bounds import IMPOSSIBLE
from lgsim.planner.intervals import Intervals

Path = list[tuple[int, int]]
Int64s: TypeAlias = NDArray[np.int64]

PARTS = 64
ALLOWANCES = (32, 16, 8, 4, 2, 1, 0)
"""By how many `PARTS` of itself a bound is raised, from the quick search to the exact one."""


class Cuts:
    """Shortest path from the first to the last cut of a run.

    Edges begin with lower bounds. As long as an edge on the shortest path is only a bound, it is
    priced and the path is sought again. A path of prices only is the shortest of all, since no
    other path can become shorter than its bounds say. An edge is given up where it becomes so
    long that no path over it is shorter than the best one known.

    Long runs have too many intervals for that. So the search is done with bounds that are raised
    by an allowance first, which finds a path at most that much too long, and then with less and
    less of it, for as long as there is effort left.

    Parameters
    ----------
    intervals : Intervals
        Bounds and prices of the edges.
    effort : int
        What evaluations may cost before the search is content, as `GroupEvaluator` counts it.

    Attributes
    ----------
    allowance : int
        The path found is longer than the shortest by no more than so many `PARTS` of it.
    """

    def __init__(self, intervals: Intervals, effort: int) -> None:
        self.intervals = intervals
        self.effort = effort
        self.allowance = ALLOWANCES[0]

    def cheapest(self) -> Path:
        """(start, stop) of each section, in order."""
        intervals = self.intervals
        if intervals.count > 1 and not intervals.known[intervals.count, 0]:
            intervals.settle(0, intervals.count)
        for allowance in ALLOWANCES:
            if not self._settle(allowance):
                break
            self.allowance = allowance
        return _Paths(np.where(intervals.known, intervals.cycles, IMPOSSIBLE)).shortest()

    def _settle(self, allowance: int) -> bool:
        """Price edges until all on the shortest path are; False if the effort is spent before."""
        intervals = self.intervals
        raised = np.minimum(intervals.cycles, IMPOSSIBLE) * (PARTS + allowance) // PARTS
        paths = _Paths(np.where(intervals.known, intervals.cycles, raised))
        known = _Paths(np.where(intervals.known, intervals.cycles, IMPOSSIBLE))
        before, behind = _distances(intervals.cycles)
        while True:
            edges = [edge for edge in paths.shortest() if not intervals.known[edge[::-1]]]
            if not edges:
                return True
            for start, stop in edges:
                if intervals.effort >= self.effort and allowance != ALLOWANCES[0]:
                    return False
                best = int(known.update(known.changed)[-1])
                limit = best - int(before[start]) - int(behind[stop])
                intervals.settle(start, stop, limit if best < IMPOSSIBLE else None)
                for each in (paths, known):
                    each.set(start, stop, int(intervals.cycles[stop, start]))


class _Paths:
    """Shortest paths from the first cut to all others, kept while lengths of edges change."""

    def __init__(self, lengths: Int64s) -> None:
        self.lengths = lengths
        self.changed = 1
        self._distance = np.zeros(len(lengths), dtype=np.int64)
        self._before = np.zeros(len(lengths), dtype=np.int64)

    def set(self, start: int, stop: int, length: int) -> None:
        """Change the length of an edge."""
        self.lengths[stop, start] = length
        self.changed = min(self.changed, stop)

    def update(self, first: int) -> Int64s:
        """Distances of all cuts, if none before `first` has changed."""
        distance = self._distance
        for stop in range(first, len(distance)):
            over = distance[:stop] + self.lengths[stop, :stop]
            best = int(over.argmin())
            distance[stop] = over[best]
            self._before[stop] = best
        self.changed = len(distance)
        return distance

    def shortest(self) -> Path:
        """The shortest path to the last cut."""
        self.update(self.changed)
        path: Path = []
        stop = len(self._before) - 1
        while stop:
            start = int(self._before[stop])
            path.append((start, stop))
            stop = start
        return path[::-1]


def _distances(lengths: Int64s) -> tuple[Int64s, Int64s]:
    """Shortest distance of every cut from the first one, and to the last one."""
    behind = np.zeros(len(lengths), dtype=np.int64)
    for start in range(len(lengths) - 2, -1, -1):
        behind[start] = (behind[start + 1 :] + lengths[start + 1 :, start]).min()
    return _Paths(lengths).update(1), behind
