"""`Timeline`: when every command of a program runs, and where the time goes.

All figures are integer cycles, and parts sum to the whole:

- every cycle of the run is in exactly one of four states: both engines busy (overlap), only the
  BDC (compute only), only the GDMA (transfer only), or neither (idle);
- every cycle belongs to exactly one section: a section's window begins where the one before it
  has ended entirely and ends with its own last command. Sections that overlap a neighbour are
  therefore charged only for the time they add;
- the busy cycles of an engine are the sum over its commands, so over categories, ops or sections.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from lgsim.kernels.schedule import Instruction
from lgsim.simulator.engines import (
    BDC,
    ENGINE_NAMES,
    GDMA,
    Int64s,
    run_engines,
    total_cycles,
)
from lgsim.simulator.program import Category, Program, sums_by_key


class State(IntEnum):
    """What the two engines are doing at a moment."""

    IDLE = 0
    TRANSFER_ONLY = 1
    COMPUTE_ONLY = 2
    OVERLAP = 3

    @property
    def label(self) -> str:
        """Name on screen."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Timeline:
    """Start and end of every command of `program`, and sums over them.

    Attributes
    ----------
    program : Program
        What was run.
    start, end : arrays of int64, shape (commands,)
        First and last cycle of every command, inclusive.
    total_cycles : int
        Cycles of the whole run.
    busy_cycles : array of int64, shape (2,)
        Busy cycles of the GDMA and of the BDC.
    section_start, section_end : arrays of int64, shape (sections,)
        Window of each section: first cycle, and first cycle after it.
    section_states : array of int64, shape (sections, 4)
        Cycles of each window in each `State`.
    """

    program: Program
    start: Int64s
    end: Int64s
    total_cycles: int
    busy_cycles: Int64s
    section_start: Int64s
    section_end: Int64s
    section_states: Int64s

    @property
    def gdma_busy_cycles(self) -> int:
        """Cycles in which the GDMA moves something."""
        return int(self.busy_cycles[GDMA])

    @property
    def bdc_busy_cycles(self) -> int:
        """Cycles in which the BDC computes."""
        return int(self.busy_cycles[BDC])

    @property
    def overlap_cycles(self) -> int:
        """Cycles in which both engines are busy."""
        return self.state_cycles()[State.OVERLAP]

    def state_cycles(self) -> dict[State, int]:
        """Cycles of the whole run in each state; they sum to `total_cycles`."""
        sums = self.section_states.sum(axis=0)
        return {state: int(sums[state]) for state in State}

    def section_cycles(self) -> Int64s:
        """Cycles of each section's window, shape (sections,); they sum to `total_cycles`."""
        return self.section_end - self.section_start

    def section_spans(self) -> Int64s:
        """Cycles from each section's first own command to its last one, shape (sections,).

        Those of groups that exchange transfers overlap; 0 for a section without commands.
        """
        count = len(self.program.sections)
        first, after = np.full(count, self.total_cycles), np.zeros(count, dtype=np.int64)
        np.minimum.at(first, self.program.section, self.start)
        np.maximum.at(after, self.program.section, self.end + 1)
        spans: Int64s = np.maximum(after - first, 0)
        return spans

    def section_busy(self) -> Int64s:
        """Busy cycles of both engines per section, shape (sections, 2)."""
        return self._busy_by(self.program.section, len(self.program.sections))

    def op_busy(self) -> Int64s:
        """Busy cycles of both engines per op of the program, shape (ops, 2)."""
        return self._busy_by(self.program.op, len(self.program.ops))

    def category_cycles(self) -> dict[Category, int]:
        """Busy cycles per category; the transfers sum to the GDMA's, compute to the BDC's."""
        sums = sums_by_key(self.program.category, self.program.cycles, len(Category))
        return {kind: int(sums[kind]) for kind in Category}

    def _busy_by(self, owner: Int64s, count: int) -> Int64s:
        keys = owner * 2 + self.program.engine
        return sums_by_key(keys, self.program.cycles, count * 2).reshape(count, 2)

    def to_records(self) -> list[dict[str, Any]]:
        """One dict per command, in issue order, for tables and data frames."""
        program = self.program
        rows: list[dict[str, Any]] = []
        columns = zip(
            program.records,
            program.engine.tolist(),
            program.category.tolist(),
            program.op.tolist(),
            program.section.tolist(),
            program.wait.tolist(),
            self.start.tolist(),
            self.end.tolist(),
            strict=True,
        )
        for index, (record, engine, category, op, section, wait, start, end) in enumerate(columns):
            compute = isinstance(record, Instruction)
            rows.append(
                {
                    "command": index,
                    "engine": ENGINE_NAMES[engine],
                    "unit": record.unit,
                    "name": record.name if compute else record.direction.value,
                    "category": Category(category).label,
                    "section": program.sections[section].name,
                    "op": program.ops[op].name,
                    "start_cycle": start,
                    "end_cycle": end,
                    "cycles": record.cycles,
                    "nbytes": 0 if compute else record.nbytes,
                    "waits_for": wait,
                }
            )
        return rows


def run_program(program: Program) -> Timeline:
    """Run the two engines through a program.

    Parameters
    ----------
    program : Program
        Commands in issue order.

    Returns
    -------
    Timeline
    """
    start, end = run_engines(program.engine, program.cycles, program.wait)
    count = len(program.sections)
    section_end = np.zeros(count, dtype=np.int64)
    np.maximum.at(section_end, program.section, end + 1)
    section_end = np.maximum.accumulate(section_end) if count else section_end
    section_start = np.concatenate([[0], section_end[:-1]]) if count else section_end
    edges, states = engine_states(program, start, end, section_end)
    states_of = np.zeros((count, len(State)), dtype=np.int64)
    window = np.searchsorted(section_end, edges[:-1], side="right")
    np.add.at(states_of, (window, states), np.diff(edges))
    return Timeline(
        program=program,
        start=start,
        end=end,
        total_cycles=total_cycles(end),
        busy_cycles=sums_by_key(program.engine, program.cycles, 2),
        section_start=section_start.astype(np.int64),
        section_end=section_end,
        section_states=states_of,
    )


def engine_states(
    program: Program, start: Int64s, end: Int64s, cuts: Int64s
) -> tuple[Int64s, Int64s]:
    """Cut the run into stretches in which neither engine changes.

    Parameters
    ----------
    program : Program
        Tells the engine of each command.
    start, end : arrays of int64, shape (commands,)
        First and last cycle of every command.
    cuts : array of int64
        Cycles at which a stretch has to end in any case, none beyond the last end + 1.

    Returns
    -------
    edges : array of int64, shape (stretches + 1,)
        Stretch i is ``edges[i] .. edges[i + 1] - 1``; the first begins at cycle 0.
    states : array of int64, shape (stretches,)
        The `State` of each stretch.
    """
    real = end >= start
    edges = np.sort(np.concatenate([[0], cuts, start[real], end[real] + 1])).astype(np.int64)
    edges = edges[np.diff(edges, prepend=-1) > 0]  # np.unique would load masked arrays
    states = np.zeros(max(len(edges) - 1, 0), dtype=np.int64)
    for unit, bit in ((GDMA, State.TRANSFER_ONLY), (BDC, State.COMPUTE_ONLY)):
        mine = real & (program.engine == unit)
        if mine.any():
            current = np.searchsorted(start[mine], edges[:-1], side="right") - 1
            active = (current >= 0) & (end[mine][current] >= edges[:-1])
            states[active] |= int(bit)
    return edges, states
