"""What prices teach: by how much intervals like those that are priced exceed what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Int64s: TypeAlias = NDArray[np.int64]

PARTS = 1024
"""The excess of a price over what was expected is counted in such parts of that."""

UNKNOWN = 100
"""The excess, in `PARTS`, where nothing is known: the median of single intervals is about that."""


class Experience:
    """Guesses the excess of each interval: that of the most similar one that is known.

    Two intervals are the more alike the larger their common part is of both, by weight of the ops.

    Parameters
    ----------
    weights : sequence of int
        Weight of each op of the run.
    """

    def __init__(self, weights: Sequence[int]) -> None:
        self._before = np.array([0, *weights], dtype=np.int64).cumsum()
        corner = len(self._before), len(self._before)
        self._excess = np.full(corner, UNKNOWN, dtype=np.int64)
        self._likeness = np.zeros(corner, dtype=np.int64)

    def learn(
        self, start: int, stop: int, expected: int, cycles: int, *, sure: bool = True
    ) -> None:
        """Take in that the interval from `start` to `stop` takes so many cycles.

        If not `sure`, it takes no fewer.
        """
        first, last = self._before[start], self._before[stop]
        starts, stops = self._before[None, :], self._before[:, None]
        common = np.maximum(np.minimum(stops, last) - np.maximum(starts, first), 0)
        both = np.maximum(np.maximum(stops, last) - np.minimum(starts, first), 1)
        likeness = common * PARTS // both
        closer = likeness > self._likeness
        self._likeness[closer] = likeness[closer]
        excess = (cycles - expected) * PARTS // max(expected, 1)
        self._excess[closer] = excess if sure else np.maximum(self._excess[closer], excess)

    def estimates(self, bounds: Int64s, expected: Int64s, share: int) -> Int64s:
        """Bounds raised by `share` / `PARTS` of what prices are thought to exceed them.

        Where an interval is more like a known one than that, its likeness takes the place of the
        share: the rest of a doubt goes to what is different. With no share, bounds remain.
        """
        trust = np.maximum(share, self._likeness) if share else np.zeros_like(self._likeness)
        raised: Int64s = expected + expected * self._excess // PARTS * trust // PARTS
        return np.maximum(raised, bounds)
