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

    Then more ops before them cannot either, if the type remains: their values have the same
    readers. With more ops behind them it is so as a rule, but what was stored may have as many
    readers that want the same.
    """
    part = pattern.part(start, stop)
    return all(isinstance(infer(part, group_type, secs, lanes), Failure) for secs in HALVES)


def uneven_stops(
    pattern: Pattern, group_type: GroupType, start: int, stop: int, lanes: int
) -> tuple[int, int]:
    """Between which stops groups that begin at `start` are uneven, if the one up to `stop` is.

    The first is sought by halving; the last is that of the run if all ops to its end are uneven.
    If `stop` itself is not, other cuts of it are in question, and it is both.
    """
    if not is_uneven(pattern, group_type, start, stop, lanes):
        return stop, stop
    count, even, uneven = len(pattern.members), start + 1, stop
    while uneven - even > 1:
        middle = (even + uneven) // 2
        if is_uneven(pattern, group_type, start, middle, lanes):
            uneven = middle
        else:
            even = middle
    return uneven, count if is_uneven(pattern, group_type, start, count, lanes) else stop
