"""Moves of loads and stores across the border of two neighbouring layer groups.

The first loads of a group have no computation beside them, nor have its last stores. They may run
beside the computations of a neighbour instead, where its GDMA has time to spare and nobody uses
the addresses meanwhile. Every step costs the longer of its two engines, so the gain of a move is
known exactly, and only moves with a gain are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lgsim.planner.group.outline import Edge, Life, Outline

LEAST_SLICES = 3
"""Slices that the group before must have for a load to move into it, and one of both for a store.

In reference/plans 47 loads run in the group before, none of them in one of fewer slices, though
there is room for ten; 10 stores run in the group after, once one of two slices. Nothing moves
between 3D groups.
"""

FOREVER = 1 << 60
"""A time after (or, negative, before) every step of a group."""


@dataclass(frozen=True, slots=True)
class Move:
    """A transfer of `value` at `time` of its own group that runs at time `to` of the neighbour."""

    value: int
    time: int
    to: int


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
    slices = [group.costs.slices for group in groups]
    if slices[0] >= LEAST_SLICES:
        _take_loads(before, after)
    if max(slices) >= LEAST_SLICES:
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
