"""`Outline`: a placed group over time, as its neighbours see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgsim.kernels.views import View
from lgsim.planner.group.evaluation import Evaluation
from lgsim.planner.group.lmem import Placement, resident_spans
from lgsim.planner.group.price import engine_cycles
from lgsim.planner.group.timetable import Kind

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A load before the first or a store after the last computation of a group.

    `time` is the round times the steps of a round, plus the step; addresses are bytes of a lane.
    """

    value: int
    time: int
    cycles: int
    address: int
    end_address: int


@dataclass(frozen=True, slots=True)
class Life:
    """A stretch of local memory, and the first and last time it is in use."""

    address: int
    end_address: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Outline:
    """A placed group over time.

    Attributes
    ----------
    found, placement : Evaluation, Placement
        The group, and where its buffers lie.
    bdc, gdma : tuple of int
        Cycles of both engines, per time.
    lives : tuple of Life
        Every buffer, from its first use by the first slice to its last use by the last.
    loads, stores : tuple of Edge
        Transfers before the first and after the last computation.
    loaded, stored : dict
        Per value, when its first slice is loaded or stored.
    """

    found: Evaluation
    placement: Placement
    bdc: tuple[int, ...]
    gdma: tuple[int, ...]
    lives: tuple[Life, ...]
    loads: tuple[Edge, ...]
    stores: tuple[Edge, ...]
    loaded: dict[int, int]
    stored: dict[int, int]

    def box(self, value: int, index: int) -> Box:
        """The part of a value that is slice `index`: start and length along each axis."""
        slicing = self.found.slicing
        section = np.unravel_index(index, slicing.secs)
        cuts = slicing.cuts[value]
        return tuple(cut.piece(int(at)) for cut, at in zip(cuts, section, strict=True))

    def view(self, value: int) -> View | None:
        """How slices see a value in global memory; None if a transfer permutes it."""
        permuted = self.found.pattern.values[value].permute >= 0
        return None if permuted else self.found.slicing.views[value]

    def times(self, value: int, wanted: Box, view: View | None, first: int) -> list[int]:
        """When the slices of a value are moved that touch the box `wanted`, all if in doubt.

        `view` is how the box sees the tensor, `first` when the first slice is moved.
        """
        slices, length = self.found.costs.slices, len(self.found.timetable)
        if slices > 1 and self.found.costs.held[value]:
            return [first]
        alike = view is not None and self.view(value) == view
        return [
            first + index * length
            for index in range(slices)
            if not alike or _touch(self.box(value, index), wanted)
        ]


def outline(found: Evaluation, placement: Placement) -> Outline:
    """The outline of a group whose buffers lie as `placement` says."""
    costs, table = found.costs, found.timetable
    length, later = len(table), (costs.slices - 1) * len(table)
    bdc, gdma = (cycles.ravel().tolist() for cycles in engine_cycles(table, costs))
    spans, members = found.timing.spans, found.timing.members
    loads: list[Edge] = []
    stores: list[Edge] = []
    loaded: dict[int, int] = {}
    stored: dict[int, int] = {}
    for step, actions in enumerate(table):
        for action in actions:
            value, time = action.number, action.stage * length + step
            if action.kind is Kind.LOAD:
                loaded[value] = time
                if time < min(members):
                    cycles = costs.moves[value].once
                    loads.append(_edge(found, placement, value, time, cycles))
            elif action.kind is Kind.STORE:
                stored[value] = time
                if time > max(members):
                    cycles = int(costs.moves[value].cycles[-1])
                    stores.append(_edge(found, placement, value, time + later, cycles))
    lives = [
        _life(found, placement, value, first, last + later)
        for value, (first, last) in resident_spans(spans, costs.shared).items()
    ]
    for member, time in enumerate(members):
        if costs.scratch_bytes[member]:
            address = placement.addresses[~member]
            lives.append(Life(address, address + costs.scratch_bytes[member], time, time + later))
    return Outline(
        found,
        placement,
        tuple(bdc),
        tuple(gdma),
        tuple(lives),
        tuple(loads),
        tuple(stores),
        loaded,
        stored,
    )


def _touch(one: Box, other: Box) -> bool:
    """Whether two boxes have elements in common."""
    return all(a < b + n and b < a + m for (a, m), (b, n) in zip(one, other, strict=True))


def _edge(found: Evaluation, placement: Placement, value: int, time: int, cycles: int) -> Edge:
    address = placement.of(value, found.costs.shared)
    return Edge(value, time, cycles, address, address + found.costs.value_bytes[value])


def _life(found: Evaluation, placement: Placement, value: int, first: int, last: int) -> Life:
    address = placement.addresses[value]
    return Life(address, address + found.costs.value_bytes[value], first, last)
