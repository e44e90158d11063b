"""What a placed group spends its time and its local memory on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgsim.graph import Graph
from lgsim.planner.group import Evaluation, Failure, pattern_of
from lgsim.planner.group.lmem import Buffer, occupancy_of, peak
from lgsim.planner.group.pattern import Binding
from lgsim.planner.group.price import engine_cycles
from lgsim.planner.group.timetable import Kind
from lgsim.planner.plan import Section
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class StepWork:
    """A time step of a group, over all slices.

    Attributes
    ----------
    number : int
        Which step of a round.
    computes, loads, stores : tuple of str
        Ops that compute, and tensors that are moved.
    bdc_cycles, gdma_cycles : int
        What both engines work in it, over all rounds.
    cycles : int
        What it takes: in every round as long as the busier engine.
    """

    number: int
    computes: tuple[str, ...]
    loads: tuple[str, ...]
    stores: tuple[str, ...]
    bdc_cycles: int
    gdma_cycles: int
    cycles: int


@dataclass(frozen=True, slots=True)
class BufferUse:
    """A buffer in local memory: its tensor, or the op whose intermediate values it holds.

    `role` is ``activation``, ``weight``, ``weight that stays`` (for all slices) or ``scratch``.
    """

    name: str
    role: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Where the time and the local memory of a group go.

    Attributes
    ----------
    cycles, bdc_busy_cycles, gdma_busy_cycles : int
        The group by itself, before anything moves across its borders.
    bdc_bound_cycles, gdma_bound_cycles : int
        Cycles of the steps in which that engine is the one that is waited for.
    slices : int
        How often the steps are repeated.
    steps : tuple of StepWork
        In order; the slices run through them like a pipeline.
    peak_bytes, peak_step : int
        Most bytes of a lane that are in use at the same time, and in which step.
    peak_buffers : tuple of BufferUse
        What lies in local memory then, the largest first.
    """

    cycles: int
    bdc_busy_cycles: int
    gdma_busy_cycles: int
    bdc_bound_cycles: int
    gdma_bound_cycles: int
    slices: int
    steps: tuple[StepWork, ...]
    peak_bytes: int
    peak_step: int
    peak_buffers: tuple[BufferUse, ...]

    @property
    def slowest(self) -> StepWork:
        """The step that takes longest."""
        return max(self.steps, key=lambda step: step.cycles)


def group_facts(graph: Graph, section: Section, found: Evaluation, chip: Chip) -> GroupFacts:
    """Where the time and the local memory of a group of a plan go."""
    _, binding = pattern_of(graph, section.ops)
    bdc, gdma = engine_cycles(found.timetable, found.costs)
    longer = np.maximum(bdc, gdma)
    most, where, buffers = _peak(found, binding, chip)
    steps = tuple(
        _step(
            found, binding, number, *(int(table[:, number].sum()) for table in (bdc, gdma, longer))
        )
        for number in range(len(found.timetable))
    )
    return GroupFacts(
        cycles=found.price.cycles,
        bdc_busy_cycles=found.price.bdc_busy_cycles,
        gdma_busy_cycles=found.price.gdma_busy_cycles,
        bdc_bound_cycles=int(bdc[bdc > gdma].sum()),
        gdma_bound_cycles=int(gdma[gdma >= bdc].sum()),
        slices=found.costs.slices,
        steps=steps,
        peak_bytes=most,
        peak_step=where,
        peak_buffers=buffers,
    )


def _step(
    found: Evaluation, binding: Binding, number: int, bdc: int, gdma: int, cycles: int
) -> StepWork:
    names: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for action in found.timetable[number]:
        known = binding.ops if action.kind is Kind.COMPUTE else binding.tensors
        names[action.kind].append(known[action.number])
    return StepWork(
        number,
        tuple(names[Kind.COMPUTE]),
        tuple(names[Kind.LOAD]),
        tuple(names[Kind.STORE]),
        bdc,
        gdma,
        cycles,
    )


def _peak(
    found: Evaluation, binding: Binding, chip: Chip
) -> tuple[int, int, tuple[BufferUse, ...]]:
    """Most bytes in use, in which step, and what they are."""
    pairs = buffer_uses(found, binding, chip)
    most, where = peak([buffer for buffer, _ in pairs])
    uses = [use for buffer, use in pairs if buffer.steps >> where & 1]
    uses.sort(key=lambda use: (-use.nbytes, use.name))
    return most, where % len(found.timetable), tuple(uses)


def buffer_uses(found: Evaluation, binding: Binding, chip: Chip) -> list[tuple[Buffer, BufferUse]]:
    """The buffers of a group, each with what it holds."""
    costs, pattern = found.costs, found.pattern
    occupancy = occupancy_of(pattern, found.timing, costs, chip.eu_bytes)
    assert not isinstance(occupancy, Failure), "a group that was evaluated has buffers"
    pairs = []
    for buffer in occupancy.buffers():
        if buffer.owner < 0:
            name, role = binding.ops[~buffer.owner], "scratch"
        else:
            name, role = binding.tensors[buffer.owner], "activation"
            if pattern.values[buffer.owner].weight:
                role = "weight that stays" if costs.held[buffer.owner] else "weight"
        pairs.append((buffer, BufferUse(name, role, buffer.nbytes)))
    return pairs
