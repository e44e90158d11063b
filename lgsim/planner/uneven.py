"""What keeps a long group from being cut: readers that want different rows and columns."""

from __future__ import annotations

from lgsim.kernels.support import GroupType
from lgsim.planner.group.cuts import Secs
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import infer

HALVES: tuple[Secs, Secs] = ((1, 1, 1, 2, 1), (1, 1, 1, 1, 2))


def is_uneven(pattern: Pattern, group_type: GroupType, start: int, stop: int, lanes: int) -> bool:
    """Whether some ops can be cut into two neither along h nor along w.

    More ops of the same type have the same values with the same readers, and cannot either.
    """
    part = pattern.part(start, stop)
    return all(isinstance(infer(part, group_type, secs, lanes), Failure) for secs in HALVES)


def uneven_core(
    pattern: Pattern, group_type: GroupType, start: int, stop: int, lanes: int
) -> tuple[int, int]:
    """A short interval that begins at `start` and is uneven.

    If the one up to `stop` is not, other cuts of it are in question, and it is the answer itself.
    """
    even, uneven = start + 1, stop
    if is_uneven(pattern, group_type, start, stop, lanes):
        while uneven - even > 1:
            middle = (even + uneven) // 2
            if is_uneven(pattern, group_type, start, middle, lanes):
                uneven = middle
            else:
                even = middle
    return start, uneven
