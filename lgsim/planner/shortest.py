"""Cheapest cuts of a run of ops: a shortest path that prices only the edges it needs."""

from __future__ import annotations

import numpy as np

from lgsim.planner.bounds import IMPOSSIBLE, Int64s
from lgsim.planner.experience import PARTS
from lgsim.planner.intervals import Intervals

Path = list[tuple[int, int]]

SHARES = (PARTS, PARTS * 3 // 4, PARTS // 2, PARTS // 4, 0)
"""How much of the expected excess over its bound an edge is given, from the quick search to the
exact one."""

SHORT = 16
"""Runs of no more ops are searched to the end."""

CLOSE = 64
"""In longer ones a path is good enough that is no more than this part above what is possible."""

PATIENCE = 15000
"""Times the part of a path that may be too much, the effort after which the search for a shorter
one is given up."""

LEAST = 256
"""In long runs a path among estimates is worth its evaluations if it gains more than this part."""


class Cuts:
    """Shortest path from the first to the last cut of a run.

    Edges begin with lower bounds. As long as an edge on the shortest path is not priced, it is
    priced and the path is sought again. A path of prices only is the shortest of all, since no
    other path can become shorter than its bounds say. An edge is given up where it becomes so
    long that no path over it is shorter than the best one known.

    Long runs have too many intervals for that. So the path is sought among estimates first, which
    follow from the prices of similar intervals (see `Experience`), and then with less and less of
    what they add to the bounds: until there is little to gain, or nothing was gained for too long.

    Parameters
    ----------
    intervals : Intervals
        Bounds and prices of the edges.
    effort : int
        What evaluations may cost before the search is content, as `GroupEvaluator` counts it.
    """

    def __init__(self, intervals: Intervals, effort: int) -> None:
        self.intervals = intervals
        self.effort = effort
        self._best = IMPOSSIBLE
        self._gained_at = 0

    def cheapest(self) -> Path:
        """(start, stop) of each section, in order."""
        intervals = self.intervals
        if intervals.count > 1 and not intervals.known[intervals.count, 0]:
            intervals.settle(0, intervals.count)
        for share in SHARES:
            bounds, self._gained_at = _Paths(intervals.cycles), intervals.effort
            if self._content(share, bounds) or not self._settle(share, bounds):
                break
        return _Paths(self._priced()).shortest()

    def _settle(self, share: int, bounds: _Paths) -> bool:
        """Price edges until all on the shortest path are; False if the search is content before."""
        intervals, behind = self.intervals, bounds.behind()
        while True:
            self._look()
            paths = _Paths(intervals.estimates(share))
            edges = [edge for edge in paths.shortest() if not intervals.known[edge[::-1]]]
            gain = self._best - int(paths.before[-1])
            if not edges or (intervals.count > SHORT and gain <= self._best // LEAST):
                return True
            for start, stop in edges:
                self._look()
                if self._content(share, bounds):
                    return False
                if not intervals.known[stop, start]:
                    limit = self._best - int(bounds.before[start]) - int(behind[stop])
                    intervals.settle(start, stop, limit if self._best < IMPOSSIBLE else None)

    def _priced(self) -> Int64s:
        """Lengths of the edges that are priced."""
        return np.where(self.intervals.known, self.intervals.cycles, IMPOSSIBLE)

    def _look(self) -> None:
        """See whether there is a shorter path of prices now."""
        best = int(_Paths(self._priced()).before[-1])
        if best < self._best:
            self._best, self._gained_at = best, self.intervals.effort

    def _content(self, share: int, bounds: _Paths) -> bool:
        """Whether a path among raised bounds is good enough."""
        if share == SHARES[0] or self.intervals.count <= SHORT:
            return False
        effort, gap = self.intervals.effort, self._best - int(bounds.before[-1])
        if effort > self.effort or gap <= self._best // CLOSE:
            return True
        return effort - self._gained_at > PATIENCE * gap // self._best


class _Paths:
    """Shortest paths over edges of given lengths.

    Attributes
    ----------
    before : array of int64, shape (cuts,)
        Distance of every cut from the first one.
    """

    def __init__(self, lengths: Int64s) -> None:
        self._lengths = lengths
        self.before = np.zeros(len(lengths), dtype=np.int64)
        self._came_from = [0] * len(lengths)
        for stop in range(1, len(lengths)):
            over = self.before[:stop] + lengths[stop, :stop]
            best = int(over.argmin())
            self.before[stop], self._came_from[stop] = over[best], best

    def behind(self) -> Int64s:
        """Distance of every cut to the last one."""
        lengths = self._lengths
        behind = np.zeros(len(lengths), dtype=np.int64)
        for start in range(len(lengths) - 2, -1, -1):
            behind[start] = (behind[start + 1 :] + lengths[start + 1 :, start]).min()
        return behind

    def shortest(self) -> Path:
        """The shortest path to the last cut."""
        path: Path = []
        stop = len(self._came_from) - 1
        while stop:
            start = self._came_from[stop]
            path.append((start, stop))
            stop = start
        return path[::-1]
