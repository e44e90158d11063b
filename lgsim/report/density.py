"""How busy each stretch of a timeline is, per category, at the resolution of a picture.

A picture is about two thousand pixels wide, a program may have a hundred thousand commands. Time
is cut at every pixel and at both ends of every command that is longer than a few pixels: long
commands keep their exact shape, and of what is shorter the share of the time is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lgsim.simulator.engines import Int64s
from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State, Timeline, engine_states

Floats = NDArray[np.float64]

_LONG_PIXELS = 3


def time_edges(timeline: Timeline, first: int, after: int, pixels: int) -> Floats:
    """Cut points of the cycles from `first` to just before `after`, ascending, unique."""
    grid = np.linspace(first, after, pixels + 1)
    long = timeline.end - timeline.start + 1 >= _LONG_PIXELS * (after - first) / pixels
    begin, end = timeline.start[long], timeline.end[long] + 1
    exact = np.concatenate([begin, end])
    exact = exact[(exact > first) & (exact < after)]
    return np.unique(np.concatenate([grid, exact]))


def category_share(timeline: Timeline, category: Category, edges: Floats) -> Floats:
    """Share of every stretch between `edges` in which commands of a category run (0 to 1)."""
    mine = (timeline.program.category == category) & (timeline.end >= timeline.start)
    return _share(timeline.start[mine], timeline.end[mine] + 1, edges)


def state_shares(timeline: Timeline, edges: Floats) -> dict[State, Floats]:
    """Share of every stretch between `edges` that the engines spend in each state; sum 1."""
    cuts, states = engine_states(
        timeline.program, timeline.start, timeline.end, timeline.section_end
    )
    return {
        state: _share(cuts[:-1][states == state], cuts[1:][states == state], edges)
        for state in State
    }


def _share(begin: Int64s, after: Int64s, edges: Floats) -> Floats:
    """Share of every stretch that disjoint ascending spans cover."""
    if not len(begin):
        return np.zeros(len(edges) - 1)
    points = np.stack([begin, after], axis=1).ravel().astype(np.float64)
    covered = np.stack([np.zeros(len(begin)), after - begin], axis=1).ravel().cumsum()
    share: Floats = np.diff(np.interp(edges, points, covered)) / np.diff(edges)
    return share.clip(0.0, 1.0)
