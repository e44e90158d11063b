"""What is known of all intervals of a run before any is evaluated: bounds, and what to expect.

Arrays have the shape (cuts, cuts): the interval from `start` to `stop` is at [stop, start].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lgsim.kernels.support import GroupType
from lgsim.planner.amounts import amounts
from lgsim.planner.expected import expected_cycles
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.group.group_type import Traits, traits
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.halos import halos
from lgsim.planner.least import IMPOSSIBLE, Bools, Int64s, Least, between


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known of the intervals of a run before any is evaluated.

    Attributes
    ----------
    cycles : array of int64
        Cycles that an interval of two or more ops takes at least as a layer group.
    expected : array of int64
        Cycles that it is expected to take (see `expected_cycles`); no fewer.
    types : array of int64
        Which intervals have the same group type; −1 where none suits.
    cut : array of bool
        Whether an interval has to be cut along h or w.
    """

    cycles: Int64s
    expected: Int64s
    types: Int64s
    cut: Bools


@lru_cache(maxsize=8)
def interval_bounds(pattern: Pattern, evaluator: GroupEvaluator) -> Bounds:
    """The bounds of all intervals; the arrays are shared."""
    found = [traits(member.site, evaluator.chip.lanes) for member in pattern.members]
    cycles = np.full((len(found) + 1, len(found) + 1), IMPOSSIBLE, dtype=np.int64)
    expected = cycles.copy()
    types, cut = np.full_like(cycles, -1), np.zeros_like(cycles, dtype=np.bool_)
    for number, (group_type, mask) in enumerate(_group_types(found)):
        suits = [_suits(each, group_type) for each in found]
        known = amounts(pattern, evaluator, group_type, suits)
        least = Least(pattern, known, evaluator.chip.lmem_bytes)
        cycles[mask] = least.cycles()[mask]
        expected[mask] = expected_cycles(least, halos(pattern, group_type, suits))[mask]
        types[mask], cut[mask] = number, least.cut()[mask]
    return Bounds(cycles, np.maximum(cycles, expected), types, cut)


def _group_types(found: list[Traits]) -> Iterator[tuple[GroupType, Bools]]:
    """Per group type, which intervals are of that type and do not break its rule."""
    inside = np.tri(len(found) + 1, k=-2, dtype=np.bool_)

    def count(flags: list[bool]) -> Int64s:
        return between(np.array(flags, dtype=np.int64))

    volume = count([each.volume for each in found]) > 0
    small = ~volume & (count([not each.small_c for each in found]) == 0)
    several = ~volume & ~small & (count([not each.mm for each in found]) == 0)
    allowed = inside & (small | (count([each.rows_only for each in found]) == 0))
    types: tuple[tuple[GroupType, Bools], ...] = (
        ("3D", volume),
        ("SMALL_C", small),
        ("MM", several),
        ("NORMAL", ~(volume | small | several)),
    )
    for name, mask in types:
        if (mask & allowed).any():
            yield name, mask & allowed


def _suits(found: Traits, group_type: GroupType) -> bool:
    if group_type in ("SMALL_C", "MM"):
        return found.small_c if group_type == "SMALL_C" else found.mm
    return not found.rows_only
