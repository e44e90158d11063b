"""Merges time steps of a finished group: two neighbours that wait for transfers become one.

The vendor's compiler does so after its search, so that the price of its search does not show it.
Which steps it merges does not follow from the records alone; lgsim takes those in which the later
one waits for its transfers, and both together still do. That is about what the recorded groups
gain by it (docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from lgsim.planner.group.evaluation import Evaluation, placed
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.lmem import occupancy_of
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.price import engine_cycles
from lgsim.planner.group.timetable import Action, Kind, Timetable, spread_values, timing_of
from lgsim.target.chip import Chip

Actions: TypeAlias = tuple[Action, ...]


def combined(found: Evaluation, chip: Chip) -> Evaluation:
    """The group with steps merged where that shortens it and there is room; else as it is."""
    pattern, table, costs = found.pattern, found.timetable, found.costs
    bdc, gdma = (cycles.T for cycles in engine_cycles(table, costs))
    step = 0
    while step + 1 < len(table):
        computing, moving = (each[step] + each[step + 1] for each in (bdc, gdma))
        apart = np.maximum(bdc[step : step + 2], gdma[step : step + 2]).sum()
        waits = bdc[step + 1].sum() <= gdma[step + 1].sum() and computing.sum() <= moving.sum()
        merged = (*table[:step], table[step] + table[step + 1], *table[step + 2 :])
        if (
            waits
            and np.maximum(computing, moving).sum() < apart
            and _may_merge(pattern, *table[step : step + 2])
            and _fits(found, merged, chip)
        ):
            table = merged
            bdc[step], gdma[step] = computing, moving
            bdc, gdma = (np.delete(each, step + 1, axis=0) for each in (bdc, gdma))
        else:
            step += 1
    if len(table) == len(found.timetable):
        return found
    timing = timing_of(pattern, table)
    better = placed(pattern, found.slicing, costs.apart or costs, timing, chip)
    if isinstance(better, Failure) or better.price.cycles >= found.price.cycles:
        return found
    return better


def _fits(found: Evaluation, table: Timetable, chip: Chip) -> bool:
    """Whether no step has more bytes alive than there are, and no value lives too long."""
    timing = timing_of(found.pattern, table)
    occupancy = occupancy_of(found.pattern, timing, found.costs, chip.eu_bytes)
    return not isinstance(occupancy, Failure) and occupancy.shortage(chip) is None


def _may_merge(pattern: Pattern, before: Actions, after: Actions) -> bool:
    """Whether no action of the second step needs one of the first to be over."""
    first, second = (_numbers(actions, Kind.COMPUTE) for actions in (before, after))
    loaded = _numbers([action for action in before if action.stage == 1], Kind.LOAD)
    if any(member in second for value in loaded for member, _ in pattern.users[value]):
        return False
    stored = _numbers([action for action in after if action.stage == 1], Kind.STORE)
    if any(pattern.values[value].producer in first for value in stored):
        return False
    stored = _numbers((*before, *after), Kind.STORE)
    return not any(
        value in stored and member in first | second for value, member in spread_values(pattern)
    )


def _numbers(actions: Sequence[Action], kind: Kind) -> set[int]:
    return {action.number for action in actions if action.kind is kind}
