"""Lower bounds on the cycles of all intervals of a run, as groups of one type.

An interval computes all its ops, loads what others made or what is constant, and stores what
others read. With one slice, an op waits for its loads and a store for its op, and loads can run
ahead only as far as local memory has room. With several, neither engine gets faster but for
rounding, and constants that cannot all stay are loaded again for every slice.

Arrays have the shape (cuts, cuts): the interval from `start` to `stop` is at [stop, start].
"""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.kernels.support import AXES
from lgsim.planner.amounts import UNFIT, Amounts
from lgsim.planner.group.pattern import Pattern

Int64s: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

IMPOSSIBLE = 1 << 50
"""Cycles of an interval that does not fit; far above any price, and sums of it do not overflow."""

ROUNDING = 256
"""The part of a bound that the slices of a group may fall below it: cycles of a command are rounded
down, and slices have many short ones."""


def between(values: Int64s) -> Int64s:
    """Sums of the values of the ops of each interval."""
    before = _before(values)
    return np.subtract.outer(before, before)


def _before(values: Int64s) -> Int64s:
    """Sums of the values of all ops before each cut."""
    return np.concatenate([np.zeros(1, dtype=np.int64), values.cumsum()])


def _smallest(values: Int64s) -> Int64s:
    """Smallest value of the ops of each interval."""
    count = len(values)
    spread = np.where(np.tri(count, dtype=np.bool_), values[:, None], UNFIT)
    found = np.full((count + 1, count + 1), UNFIT, dtype=np.int64)
    found[1:, :count] = np.minimum.accumulate(spread, axis=0)
    return found


class Least:
    """Bounds of the intervals of one group type.

    Attributes
    ----------
    computing : array of int64, shape (cuts, cuts)
        BDC cycles of each interval.
    loads, stores : arrays of int64, shape (ops, cuts)
        Loads for each op by the start of the interval, stores of each op by its stop.
    at_least : array of int64, shape (cuts, cuts)
        Slices that local memory asks for.
    """

    def __init__(self, pattern: Pattern, known: Amounts, lmem_bytes: int) -> None:
        self.pattern = pattern
        self.known = known
        self.lmem_bytes = lmem_bytes
        self.count = len(pattern.members)
        self.computing = between(known.compute)
        self.loads, self.stores = self._transfers()
        self.at_least = self._fewest_slices()

    def cut(self) -> Bools:
        """Whether local memory asks for more slices than n, c and d allow."""
        found: Bools = self.at_least > self.most_slices(AXES.index("h"))
        return found

    def cycles(self) -> Int64s:
        """The smaller of the bounds for one slice and for several; IMPOSSIBLE where none fits."""
        at_least, most = self.at_least, self.most_slices(len(AXES))
        several = np.maximum(
            self.computing + -(-self.ends // np.maximum(most, 1)),
            self.moving + self.again * np.maximum(at_least - 1, 1),
        )
        several -= several // ROUNDING
        several[(most < 2) | (at_least > most)] = IMPOSSIBLE
        smaller: Int64s = np.minimum(self.one_slice, several)
        return smaller

    @cached_property
    def one_slice(self) -> Int64s:
        """The bound for one slice; IMPOSSIBLE where memory asks for more."""
        one = np.maximum(self._engines(), self._prefetch()) + self.ends
        one[self.at_least > 1] = IMPOSSIBLE
        return one

    @cached_property
    def ends(self) -> Int64s:
        """Loads of the first op of each interval and stores of its last one."""
        ends = np.zeros((self.count + 1, self.count + 1), dtype=np.int64)
        ends[:, : self.count] += self.loads.diagonal()
        ends[1:] += self.stores.diagonal(1)[:, None]
        return ends

    def most_slices(self, axes: int) -> Int64s:
        """Slices that the ops of each interval allow along the first axes."""
        most = np.ones((self.count + 1, self.count + 1), dtype=np.int64)
        for row in self.known.sections[:axes]:
            most = np.minimum(most * _smallest(row), UNFIT)
        return most

    def _fewest_slices(self) -> Int64s:
        """Slices that local memory asks for, from what has to be in it while each op computes.

        That is what the op needs itself, constants of the op behind it, which are loaded in the
        meantime, and values that pass by it. Whatever holds for an interval holds for longer ones.
        """
        known, count = self.known, self.count
        found = np.ones((count + 1, count + 1), dtype=np.int64)
        passing = self._passing()
        for op in range(count):
            room, fixed = int(known.room[op]), int(known.fixed[op])
            found[op + 1, op] = max(found[op + 1, op], self._slices(room, fixed))
            if op + 1 == count:
                continue
            fixed += int(known.weight_bytes[op + 1])
            start, stop = op, op + 2
            found[stop, start] = max(found[stop, start], self._slices(room, fixed))
            for user, producer, number in sorted(passing[op]):
                room += int(known.nbytes[number])
                start, stop = min(start, producer), max(stop, user + 1)
                found[stop, start] = max(found[stop, start], self._slices(room, fixed))
        found = np.maximum.accumulate(found, axis=0)
        longer: Int64s = np.maximum.accumulate(found[:, ::-1], axis=1)[:, ::-1]
        return longer

    def _slices(self, room: int, fixed: int) -> int:
        """Slices that cut some bytes down to what others leave free."""
        left = self.lmem_bytes - fixed
        if left <= 0:
            return UNFIT if room or left else 1
        return max(1, -(-room // left))

    def _passing(self) -> list[list[tuple[int, int, int]]]:
        """Values that an op neither makes nor reads but that wait: next reader, maker, value."""
        found: list[list[tuple[int, int, int]]] = [[] for _ in range(self.count)]
        for number, value in enumerate(self.pattern.values):
            earlier = value.producer
            if earlier < 0:
                continue
            for user, _ in self.pattern.users[number]:
                for op in range(earlier + 1, user):
                    found[op].append((user, value.producer, number))
                earlier = max(earlier, user)
        return found

    def _transfers(self) -> tuple[Int64s, Int64s]:
        """Loads for each op by the start of the interval, stores of each op by its stop.

        Shapes (ops, cuts). A value is loaded for its first reader from the start on, and stored
        if it has a reader from the stop on.
        """
        loads = np.zeros((self.count, self.count + 2), dtype=np.int64)
        stores = np.zeros((self.count, self.count + 2), dtype=np.int64)
        for number, value in enumerate(self.pattern.values):
            earlier = value.producer
            for user, _ in self.pattern.users[number]:
                if user > earlier:
                    loads[user, earlier + 1] += self.known.loads[number]
                    loads[user, user + 1] -= self.known.loads[number]
                    earlier = user
            last = self.count if value.leaves else earlier
            if value.producer >= 0:
                stores[value.producer, value.producer + 1] += self.known.stores[number]
                stores[value.producer, last + 1] -= self.known.stores[number]
        return loads.cumsum(axis=1)[:, :-1], stores.cumsum(axis=1)[:, :-1]

    @cached_property
    def moving(self) -> Int64s:
        """GDMA cycles of each interval."""
        moving = np.zeros((self.count + 1, self.count + 1), dtype=np.int64)
        moving[1:] = self.loads.cumsum(axis=0)
        moving[:, : self.count] += self.stores[::-1].cumsum(axis=0)[::-1].T
        return moving

    def _engines(self) -> Int64s:
        """One slice without the loads of its first op and the stores of its last.

        All loads for the ops up to some op stand before it and all ops from it on, or all ops up
        to one before its stores and those of the ops behind it; or the GDMA never rests.
        """
        count, before = self.count, _before(self.known.compute)
        inside = np.tri(count, count + 1, dtype=np.bool_)
        loading = self.loads.cumsum(axis=0) - np.append(self.loads.diagonal(), 0)
        ahead = np.where(inside, loading - before[:-1, None], -IMPOSSIBLE)
        bound = np.zeros((count + 1, count + 1), dtype=np.int64)
        bound[1:] = before[1:, None] + np.maximum.accumulate(ahead, axis=0)
        storing = self.stores[::-1].cumsum(axis=0)[::-1] - np.insert(self.stores.diagonal(1), 0, 0)
        behind = np.where(inside, -IMPOSSIBLE, storing + before[1:, None])
        behind = np.maximum.accumulate(behind[::-1], axis=0)[::-1]
        bound[:, :count] = np.maximum(bound[:, :count], (behind - before[:-1, None]).T)
        moving = np.zeros_like(bound)
        moving[1:] = loading
        moving[:, :count] += storing.T
        return np.maximum(bound, moving)

    def _prefetch(self) -> Int64s:
        """One slice without its ends, if only constants are loaded, as finely as one likes.

        While an op computes, those of later ops may fill the room it leaves; an op that has not
        got its own waits.
        """
        known, count = self.known, self.count
        nbytes, cycles = _before(known.weight_bytes), _before(known.weight_cycles)
        free = np.maximum(self.lmem_bytes - known.fixed - known.room, 0)
        furthest = _along(nbytes, cycles, nbytes[1:] + free)
        taken = np.zeros(count, dtype=np.int64)
        loaded = cycles[1:].copy()
        bound = np.zeros((count + 1, count + 1), dtype=np.int64)
        for op in range(count):
            mine = slice(0, op + 1)
            done = int(known.compute[op])
            bound[op + 1, mine] = taken[mine] + done
            wanted = int(cycles[min(op + 2, count)])
            taken[mine] += np.maximum(done, wanted - loaded[mine])
            ahead = np.minimum(loaded[mine] + done, max(int(furthest[op]), wanted))
            loaded[mine] = np.maximum(np.maximum(ahead, loaded[mine]), wanted)
        return bound

    @cached_property
    def again(self) -> Int64s:
        """Cycles to load constants again that cannot stay, for every slice but the first."""
        known = self.known
        heavy = known.weight_bytes > 0
        if not heavy.any():
            return np.zeros_like(self.computing)
        cheapest = float((known.weight_cycles[heavy] / known.weight_bytes[heavy]).min())
        over = np.maximum(between(known.weight_bytes) - self.lmem_bytes, 0)
        again: Int64s = (over * cheapest).astype(np.int64)
        return again


def _along(nbytes: Int64s, cycles: Int64s, wanted: Int64s) -> Int64s:
    """Cycles that go with some bytes, between the corners of a rising line; rounded up."""
    last = len(nbytes) - 1
    lower = np.minimum(np.searchsorted(nbytes, wanted, side="right") - 1, last)
    upper = np.minimum(lower + 1, last)
    width = np.maximum(nbytes[upper] - nbytes[lower], 1)
    share = np.minimum(wanted - nbytes[lower], nbytes[upper] - nbytes[lower])
    found: Int64s = cycles[lower] - (-(share * (cycles[upper] - cycles[lower])) // width)
    return found
