"""The exact group law: rounds of the three-stage pipeline, each step as long as its busier engine.

A group of N slices takes N + 2 rounds; round r loads slice r, computes slice r − 1 and stores slice
r − 2. Exact on the groups of reference/plans that stand alone (reference/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgsim.planner.group.costs import GroupCosts, Int64s
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
    rounds = costs.slices + STAGES - 1
    bdc = np.zeros((rounds, len(timetable)), dtype=np.int64)
    gdma = np.zeros((rounds, len(timetable)), dtype=np.int64)
    for step, actions in enumerate(timetable):
        busy = np.zeros((STAGES, costs.compute.shape[1]), dtype=np.int64)
        computing = np.zeros(costs.compute.shape[1], dtype=np.int64)
        for action in actions:
            if action.kind is Kind.COMPUTE:
                computing += costs.compute[action.number]
            elif action.kind is Kind.STORE:
                busy[action.stage] += costs.store[action.number]
            elif costs.held[action.number]:
                gdma[action.stage, step] += costs.load[action.number, costs.classes[0]]
            else:
                busy[action.stage] += costs.load[action.number]
        bdc[1 : 1 + costs.slices, step] = computing[costs.classes]
        for stage in range(STAGES):
            gdma[stage : stage + costs.slices, step] += busy[stage][costs.classes]
    return bdc, gdma


def busier_engine(costs: GroupCosts) -> int:
    """Cycles of the busier engine: no time steps of the same commands take less."""
    slices = np.bincount(costs.classes, minlength=costs.compute.shape[1])
    moving = costs.load + costs.store
    gdma = moving @ slices
    held = np.array(costs.held, dtype=np.bool_)
    gdma[held] = moving[held, costs.classes[0]]
    return max(int((costs.compute @ slices).sum()), int(gdma.sum()))


def price(timetable: Timetable, costs: GroupCosts) -> Price:
    """The price of a group by the law."""
    if costs.slices == 1:
        return _price_of_one_slice(timetable, costs)
    bdc, gdma = engine_cycles(timetable, costs)
    return Price(int(np.maximum(bdc, gdma).sum()), int(bdc.sum()), int(gdma.sum()))


def _price_of_one_slice(timetable: Timetable, costs: GroupCosts) -> Price:
    """The law for a single slice: round r runs stage r, and only stage 1 has both engines."""
    compute, load, store = (
        cycles[:, 0].tolist() for cycles in (costs.compute, costs.load, costs.store)
    )
    cycles = computing = moving = 0
    for actions in timetable:
        bdc, gdma = 0, [0] * STAGES
        for action in actions:
            if action.kind is Kind.COMPUTE:
                bdc += compute[action.number]
            else:
                moved = load if action.kind is Kind.LOAD else store
                gdma[action.stage] += moved[action.number]
        cycles += gdma[0] + max(bdc, gdma[1]) + gdma[2]
        computing += bdc
        moving += sum(gdma)
    return Price(cycles, computing, moving)
