"""Moves of loads and stores across the border of two neighbouring layer groups.

The first loads of a group have no computation beside them, nor have its last stores. They may run
beside the computations of a neighbour instead, where its GDMA has time to spare and nobody uses
the addresses meanwhile. Every step costs the longer of its two engines, so the gain of a move is
known exactly, and only moves with a gain are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lgsim.kernels.views import View
from lgsim.planner.group.evaluation import Evaluation
from lgsim.planner.group.lmem import Placement, resident_spans
from lgsim.planner.group.price import engine_cycles
from lgsim.planner.group.timetable import Kind

Box = tuple[tuple[int, int], ...]

LEAST_SLICES = 3
"""Slices that a group has to have before it takes transfers of a neighbour in.

In reference/plans 47 loads run in the group before, none of them in one of fewer slices, though
there is room for ten; the same holds of three stores. Nothing moves between 3D groups.
"""

FOREVER = 1 << 60
"""A time after (or, negative, before) every step of a group."""


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
class Move:
    """A transfer of `value` at `time` of its own group that runs at time `to` of the neighbour."""

    value: int
    time: int
    to: int


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


@dataclass(slots=True)
class Lane:
    """A group while moves are made: its outline, what has changed, and names of its values.

    `late` are stores of the group before that run here, and when. `loads_out` run in the group
    before, `stores_out` in the group after; `gain_cycles` is what both save.
    """

    outline: Outline
    tensors: tuple[str, ...]
    gdma: list[int] = field(init=False)
    lives: list[Life] = field(init=False)
    late: dict[str, int] = field(default_factory=dict)
    loads_out: list[Move] = field(default_factory=list)
    stores_out: list[Move] = field(default_factory=list)
    gain_cycles: int = 0

    def __post_init__(self) -> None:
        self.gdma = list(self.outline.gdma)
        self.lives = list(self.outline.lives)

    def best(self, times: Iterable[int], cycles: int) -> tuple[int, int]:
        """Largest gain of a transfer at one of some times, and that time; the first of equals."""
        most, where = 0, -1
        for time in times:
            slack = self.outline.bdc[time] - self.gdma[time]
            if min(slack, cycles) > most:
                most, where = min(slack, cycles), time
                if most == cycles:
                    break
        return most, where


def move_across(before: Lane, after: Lane) -> None:
    """Make every move across one border that pays; both lanes are changed.

    Borders have to be treated in the order in which the groups run.
    """
    groups = [lane.outline.found for lane in (before, after)]
    if any(group.group_type == "3D" for group in groups):
        return
    if groups[0].costs.slices >= LEAST_SLICES:
        _take_loads(before, after)
    if groups[1].costs.slices >= LEAST_SLICES:
        _take_stores(before, after)


def _take_loads(before: Lane, after: Lane) -> None:
    """Let loads run in the group before, the longest first, as late as they pay most."""
    for edge in sorted(after.outline.loads, key=lambda edge: -edge.cycles):
        earliest = 1 + max(_last_use(before.lives, edge), _stored(before, after, edge.value))
        gain, time = before.best(range(len(before.gdma) - 1, earliest - 1, -1), edge.cycles)
        if gain:
            before.gdma[time] += edge.cycles
            after.gdma[edge.time] -= edge.cycles
            before.lives.append(Life(edge.address, edge.end_address, time, FOREVER))
            after.lives.append(Life(edge.address, edge.end_address, -FOREVER, edge.time))
            after.loads_out.append(Move(edge.value, edge.time, time))
            after.gain_cycles += gain


def _take_stores(before: Lane, after: Lane) -> None:
    """Let stores run in the group after, the longest first, as early as they pay most."""
    for edge in sorted(before.outline.stores, key=lambda edge: -edge.cycles):
        latest = min(
            _first_use(after.lives, edge),
            _first_step(after.outline, edge),
            _loaded(before, after, edge.value),
        )
        gain, time = after.best(range(min(latest, len(after.gdma))), edge.cycles)
        if gain:
            after.gdma[time] += edge.cycles
            before.gdma[edge.time] -= edge.cycles
            after.lives.append(Life(edge.address, edge.end_address, -FOREVER, time))
            after.late[before.tensors[edge.value]] = time
            before.stores_out.append(Move(edge.value, edge.time, time))
            before.gain_cycles += gain


def _stored(before: Lane, after: Lane, value: int) -> int:
    """When the group before has stored what the first slice of a value of the group after needs.

    And not before it stores that value in its last round with computations, even if all that is
    needed was stored in an earlier one (so all 13 such loads in reference/plans).
    """
    name, shape = after.tensors[value], before.outline
    if name in before.late:
        return before.late[name]
    made = before.tensors.index(name) if name in before.tensors else -1
    if made not in shape.stored:
        return -1
    wanted, view = after.outline.box(value, 0), after.outline.view(value)
    length, slices = len(shape.found.timetable), shape.found.costs.slices
    last = slices * length + shape.stored[made] % length
    return max(last, *shape.times(made, wanted, view, shape.stored[made]))


def _loaded(before: Lane, after: Lane, value: int) -> int:
    """When the group after first loads a part of the last slice of a value of the group before."""
    name, shape = before.tensors[value], after.outline
    read = after.tensors.index(name) if name in after.tensors else -1
    if read not in shape.loaded:
        return FOREVER
    wanted = before.outline.box(value, before.outline.found.costs.slices - 1)
    view = before.outline.view(value)
    return min(shape.times(read, wanted, view, shape.loaded[read]), default=FOREVER)


def _last_use(lives: Sequence[Life], edge: Edge) -> int:
    """Last time that the addresses are in use; −1 if they never are."""
    return max((life.last for life in lives if _overlap(life, edge)), default=-1)


def _first_use(lives: Sequence[Life], edge: Edge) -> int:
    """First time that the addresses are in use."""
    return min((life.first for life in lives if _overlap(life, edge)), default=FOREVER)


def _first_step(shape: Outline, edge: Edge) -> int:
    """First time in the first round with computations whose step has the addresses in use.

    In whatever round: the vendor's compiler looks at steps there, not at rounds (reference/plans:
    the stores that have more room than that stay where they are).
    """
    length = len(shape.found.timetable)
    later = (shape.found.costs.slices - 1) * length
    first = FOREVER
    for life in shape.lives:
        if _overlap(life, edge):
            step = life.first % length
            if step + life.last - later - life.first >= length:
                return 0
            first = min(first, length + step)
    return first


def _overlap(life: Life, edge: Edge) -> bool:
    return life.address < edge.end_address and edge.address < life.end_address
