"""Finds what keeps a long group from being cut into rows: readers that want different slices."""

from __future__ import annotations

from lgsim.kernels.support import GroupType
from lgsim.planner.group.cuts import Secs
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import Slicing, infer

HALVES: Secs = (1, 1, 1, 2, 1)


def uneven_core(
    pattern: Pattern, group_type: GroupType, start: int, stop: int, lanes: int
) -> tuple[int, int]:
    """A short interval that begins at `start` and cannot be cut into two along h.

    Longer ones of the same type have the same values with the same readers, and cannot either.
    If the interval from `start` to `stop` can, other cuts of it are in question, and it is the
    answer itself.
    """

    def fails(last: int) -> bool:
        part = pattern.part(start, last)
        return not isinstance(infer(part, group_type, HALVES, lanes), Slicing)

    if not fails(stop):
        return start, stop
    fine, bad = start + 1, stop
    while bad - fine > 1:
        middle = (fine + bad) // 2
        if fails(middle):
            bad = middle
        else:
            fine = middle
    return start, bad
