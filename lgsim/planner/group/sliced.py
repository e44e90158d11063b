"""What one op or one value of a group costs over all slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from lgsim.planner.group.cuts import Int64s


@dataclass(frozen=True)
class OpCost:
    """An op on all slices.

    Attributes
    ----------
    cycles : array
        BDC cycles of each slice.
    scratch_bytes : int
        Bytes per lane of the largest scratch.
    at_one_address : callable
        Gives cycles and scratch of the largest slice if everything lay at one address; only asked
        when time steps are balanced.
    """

    cycles: Int64s
    scratch_bytes: int
    at_one_address: Callable[[], tuple[int, int]]

    @cached_property
    def total(self) -> int:
        """Cycles of all slices."""
        return int(self.cycles.sum())

    @cached_property
    def most_at_one_address(self) -> int:
        """Cycles of the largest slice if operands, results and scratch lay at one address."""
        return self.at_one_address()[0]


@dataclass(frozen=True)
class MoveCost:
    """All slices of a value: bytes per lane, and GDMA cycles to load or store each."""

    nbytes: Int64s
    cycles: Int64s

    @cached_property
    def most_bytes(self) -> int:
        """Bytes per lane of the largest slice."""
        return int(self.nbytes.max())

    @cached_property
    def total(self) -> int:
        """Cycles of all slices."""
        return int(self.cycles.sum())

    @cached_property
    def most(self) -> int:
        """Cycles of the largest slice."""
        return int(self.cycles.max())

    @cached_property
    def once(self) -> int:
        """Cycles of the first slice."""
        return int(self.cycles[0])
