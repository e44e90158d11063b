"""What a sliced group costs: cycles of computations and transfers, bytes of buffers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod

import numpy as np

from lgsim.kernels.base import WeightForm
from lgsim.kernels.commands.tiling import round_up
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.cuts import Int64s
from lgsim.planner.group.operands import Traffic
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slice_costs import SAME_BANK
from lgsim.planner.group.sliced import MoveCost, OpCost
from lgsim.planner.group.slicing import Slicing
from lgsim.planner.group.statics import Statics
from lgsim.planner.group.thrift import Thrift, in_place_operands
from lgsim.target.chip import Chip

_ZERO = np.zeros(1, dtype=np.int64)
_NOTHING = MoveCost(_ZERO, _ZERO, most_bytes=0, most=0, total=0, once=0)
"""A constant that is merged into another one."""


@dataclass(frozen=True)
class GroupCosts:
    """Costs of a sliced group.

    Attributes
    ----------
    slices : int
        How many there are.
    forms, traffic, held, absent : tuple
        Per value: its packing, its transfers, whether it is loaded once and stays, whether it is
        merged into another constant.
    ops : tuple of OpCost
        Per member.
    moves : tuple of MoveCost
        Per value; no cycles if it is neither loaded nor stored.
    value_bytes, scratch_bytes : tuple of int
        Bytes per lane of the largest slice of each value, and of each member's scratch.
    shared : dict
        Results that take the place of an operand, and that operand.
    hazards : dict
        Members that take longer if the first operand and the result share a bank, and by how many
        cycles, per slice.
    may_stay : tuple of bool
        Constants that are the same for all of several slices.
    apart : GroupCosts, optional
        What these costs were before addresses were known, if they depend on them.
    """

    slices: int
    forms: tuple[WeightForm | None, ...]
    traffic: tuple[Traffic, ...]
    held: tuple[bool, ...]
    absent: tuple[bool, ...]
    ops: tuple[OpCost, ...]
    moves: tuple[MoveCost, ...]
    value_bytes: tuple[int, ...]
    scratch_bytes: tuple[int, ...]
    shared: dict[int, int]
    hazards: dict[int, Int64s]
    may_stay: tuple[bool, ...]
    apart: GroupCosts | None = None

    def can_all_stay(self, chip: Chip) -> bool:
        """Whether all constants that may stay are no larger than local memory."""
        sizes = zip(self.value_bytes, self.may_stay, strict=True)
        nbytes = sum(round_up(size, chip.eu_bytes) for size, stays in sizes if stays)
        return nbytes <= chip.lmem_bytes

    @cached_property
    def computing(self) -> list[int]:
        """BDC cycles of each member over all slices."""
        return [op.total for op in self.ops]

    @cached_property
    def moving(self) -> list[int]:
        """GDMA cycles of each value over all slices."""
        return [
            move.once if stays else move.total
            for move, stays in zip(self.moves, self.held, strict=True)
        ]


@lru_cache(maxsize=64)
def group_costs(pattern: Pattern, slicing: Slicing, book: CostBook) -> GroupCosts:
    """Costs of all slices of a group if no memory has to be saved."""
    known, secs = book.statics(pattern, slicing.group_type), slicing.secs
    slices, values = prod(secs), pattern.values
    moves = [
        _NOTHING if absent else book.transfer(known, number, value, slicing.cuts[number], secs)
        for number, (value, absent) in enumerate(zip(values, known.absent, strict=True))
    ]
    ops = [_op(pattern, slicing, book, known, number) for number in range(len(pattern.members))]
    hazards = {
        number: _op(pattern, slicing, book, known, number, SAME_BANK).cycles - ops[number].cycles
        for number in known.hazards
    }
    may_stay = tuple(
        [
            slices > 1 and value.weight and not cut
            for value, cut in zip(values, known.cut, strict=True)
        ]
    )
    return GroupCosts(
        slices,
        known.forms,
        known.traffic,
        may_stay,
        known.absent,
        tuple(ops),
        tuple(moves),
        tuple([move.most_bytes for move in moves]),
        tuple([op.scratch_bytes for op in ops]),
        {},
        hazards,
        may_stay,
    )


def thrifty_costs(
    pattern: Pattern, slicing: Slicing, book: CostBook, costs: GroupCosts, thrift: Thrift
) -> GroupCosts:
    """The costs of a group if memory is saved; `costs` are those without."""
    held = (False,) * len(costs.may_stay) if thrift.reload else costs.may_stay
    sharing = in_place_operands(pattern, slicing, last=thrift.last) if thrift.in_place else {}
    if thrift.only is not None:
        sharing = {number: sharing[number] for number in sharing if number in thrift.only}
    return saving_costs(pattern, slicing, book, costs, held, sharing)


def saving_costs(
    pattern: Pattern,
    slicing: Slicing,
    book: CostBook,
    costs: GroupCosts,
    held: tuple[bool, ...],
    sharing: Mapping[int, int],
) -> GroupCosts:
    """The costs if constants are held so, and some members put their result over an operand.

    `sharing` are those members, and which of their operands.
    """
    if not sharing:
        return costs if held == costs.held else replace(costs, held=held)
    known = book.statics(pattern, slicing.group_type)
    ops = list(costs.ops)
    for number, operand in sharing.items():
        ops[number] = _op(pattern, slicing, book, known, number, operand)
    members = pattern.members
    return replace(
        costs,
        held=held,
        ops=tuple(ops),
        scratch_bytes=tuple([op.scratch_bytes for op in ops]),
        shared={members[n].outputs[0]: members[n].inputs[index] for n, index in sharing.items()},
    )


def _op(
    pattern: Pattern,
    slicing: Slicing,
    book: CostBook,
    known: Statics,
    number: int,
    in_place: int = -1,
) -> OpCost:
    made = tuple([slicing.cuts[value] for value in pattern.members[number].outputs])
    return book.op(known, pattern, number, slicing.reads[number], made, slicing.secs, in_place)


def placed_costs(
    pattern: Pattern, costs: GroupCosts, addresses: Mapping[int, int], bank_bytes: int
) -> GroupCosts:
    """The costs when the addresses of all buffers are known: some results share a bank."""
    if not costs.hazards:
        return costs
    ops = list(costs.ops)
    for number, extra in costs.hazards.items():
        member = pattern.members[number]
        ends = []
        for value in (member.inputs[0], member.outputs[0]):
            nbytes = costs.moves[value].nbytes
            first = addresses[root(costs.shared, value)]
            ends.append((first // bank_bytes, (first + np.maximum(nbytes - 1, 0)) // bank_bytes))
        (first, last), (begin, end) = ends
        more = np.where((first <= end) & (begin <= last), extra, 0)
        ops[number] = ops[number].longer(more)
    return replace(costs, ops=tuple(ops), apart=costs)


def root(shared: Mapping[int, int], value: int) -> int:
    """The value whose place a value takes in the end, itself if it has its own."""
    while value in shared:
        value = shared[value]
    return value
