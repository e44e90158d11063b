"""Cheapest cuts of a run of ops: a shortest path that prices only the edges it needs."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from lgsim.planner.experience import PARTS
from lgsim.planner.intervals import Intervals
from lgsim.planner.least import IMPOSSIBLE, Int64s

Path = list[tuple[int, int]]

SHORT = 16
"""Runs of no more ops are searched to the end."""

HOPES = ((PARTS // 2, 40000), (0, 5000))
"""How much of an excess that was seen elsewhere an edge is thought to have, in turn, and the effort
after which a shorter path is no longer sought in that way: times the part of the path that may be
too much, ..."""

LITTLE = 400
"""... but no less than this."""

LEAST = 1024
"""A path among estimates is worth its evaluations if it gains more than this part."""

FINEST = 4096
"""The same for the neighbours of a path."""

MOST_PATHS = 3
"""So many of the shortest paths are handed out at the most, and ..."""

NEARLY = 256
"""... only those that are longer than the shortest by no more than this part."""


class Cuts:
    """Short paths from the first to the last cut of a run.

    Edges begin with lower bounds. In short runs, as long as an edge on the shortest path is not
    priced, it is priced and the path is sought again. A path of prices only is the shortest of all,
    since no other path can become shorter than its bounds say. An edge is given up where it becomes
    so long that no path over it is shorter than the best one known.

    Long runs have too many intervals for that. So the path is sought among estimates first, which
    follow from the prices of similar intervals (see `Experience`), and then among its neighbours,
    ever more hopefully: paths that differ from priced ones by one edge, or by two that meet. The
    search is over if there is no hope, or if nothing was gained for too long. A run that is best
    as one group has no neighbours: there is no border to move.

    Parameters
    ----------
    intervals : Intervals
        Bounds and prices of the edges.
    effort : int
        What evaluations may cost before the search is content, as `GroupEvaluator` counts it.
    known : sequence of (int, int)
        A path to begin with.
    """

    def __init__(self, intervals: Intervals, effort: int, known: Path) -> None:
        self.intervals = intervals
        self.effort = effort
        self.known = known
        self._best = IMPOSSIBLE
        self._gained_at = 0

    def cheapest(self) -> list[Path]:
        """(start, stop) of each section in order, of the shortest paths; the shortest first."""
        for edge in ((0, self.intervals.count), *self.known):
            self._settle([edge])
        self._among_estimates()
        if self.intervals.count <= SHORT:
            self._among_bounds()
        elif len(_Paths(self._priced()).shortest()) > 1:
            for share, patience in HOPES:
                self._among_neighbours(share, patience)
        return _Paths(self._priced()).short(MOST_PATHS, NEARLY)

    def _among_estimates(self) -> None:
        """Price edges until those on the shortest path among estimates are."""
        while True:
            paths = _Paths(self.intervals.estimates(PARTS))
            if not self._gains(int(paths.before[-1]), LEAST) or not self._settle(paths.shortest()):
                return

    def _among_bounds(self) -> None:
        """Price edges until those on the shortest of all paths are."""
        while self._settle(_Paths(self.intervals.cycles).shortest()):
            pass

    def _among_neighbours(self, share: int, patience: int) -> None:
        """Price edges of which one or two that meet make a priced path shorter, it is hoped."""
        intervals = self.intervals
        possible = int(_Paths(intervals.cycles).before[-1])
        self._gained_at = intervals.effort
        while intervals.effort < self.effort:
            enough = max(LITTLE, patience * (self._best - possible) // self._best)
            if intervals.effort - self._gained_at > enough:
                return
            length, edges = _detour(_Paths(self._priced()), intervals.estimates(share))
            if not self._gains(length, FINEST) or not self._settle(edges):
                return

    def _gains(self, length: int, least: int) -> bool:
        """Whether a path of this length is shorter by more than such a part."""
        return self._best - length > self._best // least

    def _settle(self, edges: Path) -> bool:
        """Price some edges; False if all are priced already."""
        intervals, bounds = self.intervals, _Paths(self.intervals.cycles)
        unknown = [edge for edge in edges if not intervals.known[edge[::-1]]]
        if unknown:
            behind = bounds.behind()
        for start, stop in unknown:
            if not intervals.known[stop, start]:
                limit = self._best - int(bounds.before[start]) - int(behind[stop])
                intervals.settle(start, stop, limit if self._best < IMPOSSIBLE else None)
                self._look()
        return bool(unknown)

    def _priced(self) -> Int64s:
        """Lengths of the edges that are priced."""
        return np.where(self.intervals.known, self.intervals.cycles, IMPOSSIBLE)

    def _look(self) -> None:
        """See whether there is a shorter path of prices now."""
        best = int(_Paths(self._priced()).before[-1])
        if best < self._best:
            self._best, self._gained_at = best, self.intervals.effort


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

    def short(self, most: int, nearly: int) -> list[Path]:
        """The shortest paths: no more than `most`, nor longer than the shortest by 1 / `nearly`."""
        last = len(self.before) - 1
        limit = int(self.before[last]) + int(self.before[last]) // nearly
        open_ends: list[tuple[int, int, Path]] = [(int(self.before[last]), last, [])]
        found: list[Path] = []
        while open_ends and len(found) < most:
            length, stop, path = heappop(open_ends)
            if not stop:
                found.append(path)
                continue
            over = length - int(self.before[stop]) + self.before[:stop] + self._lengths[stop, :stop]
            for start in np.flatnonzero(over <= limit).tolist():
                heappush(open_ends, (int(over[start]), start, [(start, stop), *path]))
        return found or [self.shortest()]


def _detour(priced: _Paths, estimates: Int64s) -> tuple[int, Path]:
    """The shortest path with one edge of the estimates, or two that meet; and those edges."""
    inside = np.tri(len(estimates), k=-1, dtype=np.bool_)
    to = np.where(inside, priced.before + estimates, IMPOSSIBLE)
    onward = np.where(inside, estimates + priced.behind()[:, None], IMPOSSIBLE)
    lengths = to.min(axis=1)
    lengths[:-1] += onward.min(axis=0)[:-1]
    middle = int(lengths.argmin())
    edges = [(int(to[middle].argmin()), middle)]
    if middle + 1 < len(lengths):
        edges.append((middle, int(onward[:, middle].argmin())))
    return int(lengths[middle]), edges
