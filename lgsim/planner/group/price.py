"""The exact group law: rounds of the three-stage pipeline, each step as long as its busier engine.

A group of N slices takes N + 2 rounds; round r loads slice r, computes slice r − 1 and stores slice
r − 2. Exact on the groups of reference/plans that stand alone (reference/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgsim.planner.group.costs import GroupCosts
from lgsim.planner.group.cuts import Int64s
from lgsim.planner.group.timetable import STAGES, Kind, Timetable


@dataclass(frozen=True, slots=True)
class Price:
    """What a group takes, in cycles."""

    cycles: int
    bdc_busy_cycles: int
    gdma_busy_cycles: int


def engine_cycles(timetable: Timetable, costs: GroupCosts) -> tuple[Int64s, Int64s]:
    """BDC and GDMA cycles of every step of every round, shape (rounds, steps) each.

    Values that are held are loaded in the first round of their stage only.
    """
    slices = costs.slices
    bdc, gdma = np.zeros((2, len(timetable), slices + STAGES - 1), dtype=np.int64)
    for step, actions in enumerate(timetable):
        for action in actions:
            number, first = action.number, action.stage
            if action.kind is Kind.COMPUTE:
                bdc[step, first : first + slices] += costs.ops[number].cycles
            elif costs.held[number]:
                gdma[step, first] += costs.moves[number].once
            else:
                gdma[step, first : first + slices] += costs.moves[number].cycles
    return bdc.T, gdma.T


def busier_engine(costs: GroupCosts) -> int:
    """Cycles of the busier engine: no time steps of the same commands take less."""
    return max(sum(costs.computing), sum(costs.moving))


def least_cycles(timetable: Timetable, costs: GroupCosts) -> int:
    """Cycles that no balance of these time steps falls below.

    Nothing runs beside the loads of the first round and the stores of the last one, and moves to
    other steps make no fewer of them.
    """
    alone = 0
    for actions in timetable:
        for action in actions:
            if action.kind is not Kind.COMPUTE and action.stage != 1:
                moved = costs.moves[action.number]
                alone += moved.once if action.stage == 0 else int(moved.cycles[-1])
    return alone + max(sum(costs.computing), sum(costs.moving) - alone)


def price(timetable: Timetable, costs: GroupCosts) -> Price:
    """The price of a group by the law."""
    if costs.slices == 1:
        return _price_of_one_slice(timetable, costs)
    bdc, gdma = engine_cycles(timetable, costs)
    return Price(int(np.maximum(bdc, gdma).sum()), int(bdc.sum()), int(gdma.sum()))


def _price_of_one_slice(timetable: Timetable, costs: GroupCosts) -> Price:
    """The law for a single slice: round r runs stage r, and only stage 1 has both engines."""
    cycles = computing = moving = 0
    for actions in timetable:
        bdc, gdma = 0, [0] * STAGES
        for action in actions:
            if action.kind is Kind.COMPUTE:
                bdc += costs.computing[action.number]
            else:
                gdma[action.stage] += costs.moving[action.number]
        cycles += gdma[0] + max(bdc, gdma[1]) + gdma[2]
        computing += bdc
        moving += sum(gdma)
    return Price(cycles, computing, moving)
