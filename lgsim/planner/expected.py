"""What an interval is expected to take: its bound, and what slices cost besides.

Every cut along the rows repeats those of the halos, and with few slices the first loads and the
last stores, beside which nothing is computed, are long. The best number of slices is a compromise.
"""

from __future__ import annotations

import numpy as np

from lgsim.kernels.support import AXES
from lgsim.planner.amounts import UNFIT
from lgsim.planner.halos import Halos
from lgsim.planner.least import IMPOSSIBLE, Int64s, Least

TRIES = (8, 10, 12, 16, 24, 32, 64, 128)
"""Eighths of the fewest slices that are looked at: the cycles change little between them."""


def expected_cycles(least: Least, halos: Halos) -> Int64s:
    """Cycles of all intervals of one group type, as if engines never waited inside a round."""
    known, count = least.known, least.count
    most, uncut = least.most_slices(len(AXES)), least.most_slices(AXES.index("h"))
    inside = np.arange(count + 1) > np.arange(count)[:, None]
    again = np.where(inside, known.compute[:, None] * halos.made, 0)
    computing = np.zeros((count + 1, count + 1))
    computing[:, :count] = again[::-1].cumsum(axis=0)[::-1].T
    cut_loads = np.maximum(least.loads - known.weight_cycles[:, None], 0)
    moving = halos.read.T @ cut_loads
    fewest = np.maximum(np.maximum(least.at_least, _fewest(least, halos)), 2)
    best = np.full((count + 1, count + 1), float(IMPOSSIBLE))
    for eighths in TRIES:
        slices = np.minimum(fewest * eighths // 8, most)
        cuts = np.ceil(slices / uncut) - 1
        cycles = np.maximum(
            least.computing + cuts * computing,
            least.moving + cuts * moving + least.again * (slices - 1),
        )
        best = np.minimum(best, cycles + least.ends / slices)
    best[(most < 2) | (least.at_least > most)] = IMPOSSIBLE
    return np.minimum(least.one_slice, best.astype(np.int64))


def _fewest(least: Least, halos: Halos) -> Int64s:
    """Slices that local memory asks for if the rows of halos take room as well."""
    known, count = least.known, least.count
    left = np.maximum(least.lmem_bytes - known.fixed, 0)[:, None]
    room = known.room[:, None]
    rest = left - room * halos.made
    slices = np.where(rest > 0, np.ceil(room / np.maximum(rest, 1)), UNFIT)
    inside = np.arange(count + 1) > np.arange(count)[:, None]
    slices = np.where(inside & (room > left), slices, 1)
    fewest = np.ones((count + 1, count + 1), dtype=np.int64)
    fewest[:, :count] = np.maximum.accumulate(slices[::-1], axis=0)[::-1].T
    return fewest
