"""What one op or one value of a group costs over all slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from lgsim.planner.group.cuts import Int64s


@dataclass(frozen=True)
class OpCost:
    """An op on all slices.

    Attributes
    ----------
    cycles : array
        BDC cycles of each slice.
    total : int
        Cycles of all slices.
    scratch_bytes : int
        Bytes per lane of the largest scratch.
    at_one_address : callable
        Gives cycles and scratch of the largest slice if everything lay at one address; only asked
        when time steps are balanced.
    """

    cycles: Int64s
    total: int
    scratch_bytes: int
    at_one_address: Callable[[], tuple[int, int]]

    @cached_property
    def most_at_one_address(self) -> int:
        """Cycles of the largest slice if operands, results and scratch lay at one address."""
        return self.at_one_address()[0]

    def longer(self, cycles: Int64s) -> OpCost:
        """The same, each slice so much longer."""
        return replace(self, cycles=self.cycles + cycles, total=self.total + int(cycles.sum()))


@dataclass(frozen=True, slots=True)
class MoveCost:
    """All slices of a value.

    Attributes
    ----------
    nbytes, cycles : arrays
        Bytes per lane of each slice, and GDMA cycles to load or store it.
    most_bytes, most : int
        Bytes per lane and cycles of the largest slice.
    total, once : int
        Cycles of all slices, and of the first one.
    """

    nbytes: Int64s
    cycles: Int64s
    most_bytes: int
    most: int
    total: int
    once: int
