"""What every cut along the rows makes a group do twice: rows that both slices beside it need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.kernels import kernel_of
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import AXES, GroupType
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import cut_values, value_views

Floats: TypeAlias = NDArray[np.float64]

ROWS = AXES.index("h")

PROBE = 8
"""Rows of the pieces of a result that an op is asked about, as far as there are so many."""


@dataclass(frozen=True)
class Halos:
    """Rows that a cut repeats, as parts of all rows; arrays of shape (ops, cuts).

    Attributes
    ----------
    made : array of float
        Of the result of each op, by the stop of the group.
    read : array of float
        Of its largest operand that is cut.
    """

    made: Floats
    read: Floats


def halos(pattern: Pattern, group_type: GroupType, suits: Sequence[bool]) -> Halos:
    """The halos far from the edges of the images, for ops that suit the group type.

    A reader of a value asks for the rows around those it makes; what it makes itself is asked for
    by the ops behind it, as far as they belong to the group.
    """
    count, split = len(pattern.members), cut_values(pattern)
    views = value_views(pattern, group_type)
    stops = np.arange(count + 1)
    rows = [max(1, size[ROWS]) for size in views]
    repeated = np.zeros((len(views), count + 1))
    made, read = np.zeros((2, count, count + 1))
    for number in reversed(range(count)):
        if not suits[number]:
            continue
        member, inside = pattern.members[number], stops > number
        result = member.outputs[0]
        made[number] = repeated[result] / rows[result]
        largest = 0
        for index, value in enumerate(member.inputs):
            if not split[value]:
                continue
            stride, reach = _window(member.site, index, group_type, rows[result])
            wanted = np.clip(repeated[result] * stride + reach, 0, rows[value]) * inside
            repeated[value] = np.maximum(repeated[value], wanted)
            if rows[value] > largest:
                largest, read[number] = rows[value], wanted / rows[value]
    return Halos(made, read)


@lru_cache(maxsize=1 << 14)
def _window(site: OpSite, index: int, group_type: GroupType, rows: int) -> tuple[float, int]:
    """Rows of an operand per row of the result, and those that two neighbouring pieces share."""
    length = min(PROBE, rows // 4)
    if not length:
        return 1.0, 0
    kernel, middle = kernel_of(type(site.attrs)), rows // 2

    def piece(start: int, length: int) -> tuple[int, int]:
        return kernel.input_slice(site, index, "h", (start, length), group_type)

    before, after = piece(middle - length, length), piece(middle, length)
    both = piece(middle - length, 2 * length)
    return (both[1] - before[1]) / length, sum(before) - after[0]
