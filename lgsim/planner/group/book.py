"""`CostBook`: what ops on slices and transfers cost, each computed once for all groups of a chip.

Costs depend on the lengths of a slice only, not on where it begins. Groups that overlap cut most of
their values alike, so that costs are kept for all slices of an op or value together as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, WeightForm, Work
from lgsim.kernels.schedule import Direction, LmemSpan
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import GroupType
from lgsim.planner.group.cuts import Cuts, Lengths, Secs, different_slices
from lgsim.planner.group.operands import (
    Traffic,
    is_absent,
    operand_traffic,
    result_traffic,
    slice_bytes,
    slice_local,
    spread,
)
from lgsim.planner.group.pattern import Pattern, Value
from lgsim.planner.group.sliced import MoveCost, OpCost
from lgsim.planner.group.slicing import cut_values
from lgsim.planner.group.statics import Statics
from lgsim.target.chip import Chip

Shapes: TypeAlias = tuple[Lengths, ...]

_APART = 1 << 24
"""Distance of the made-up addresses that costs are asked for; no two operands touch."""


SAME_BANK = -2
"""Stands for a result that lies in the bank of the first operand, behind it."""


ONE_ADDRESS = -3
"""Stands for operands, results and scratch that all begin at the same address."""


MANY_IMAGES = 8
"""From more batch elements on, costs follow from those of 2 and 3: every law is linear in n."""


def _fewer(count: int, inputs: Shapes, outputs: Shapes) -> tuple[Shapes, Shapes]:
    """The same slices with only `count` of the batch elements of the result."""
    images = outputs[0][0]
    fewer = [
        tuple((count, *sizes[1:]) if sizes[0] == images else sizes for sizes in shapes)
        for shapes in (inputs, outputs)
    ]
    return fewer[0], fewer[1]


class CostBook:
    """Costs of ops on slices and of transfers, each computed once.

    Parameters
    ----------
    chip : Chip
        Whose laws.
    """

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self._numbers: dict[OpSite | Traffic, int] = {}
        self._transfers: dict[int, Traffic] = {}
        self._moved_as: dict[tuple[int, int, bool, bool, bool, GroupType], int] = {}
        self._statics: dict[tuple[Pattern, GroupType], Statics] = {}
        self._computed: dict[tuple[int, Shapes, Shapes, int], tuple[int, int]] = {}
        self._moved: dict[tuple[int, Lengths], tuple[int, int, int]] = {}
        self._ops: dict[tuple[object, ...], OpCost] = {}
        self._moves: dict[tuple[int, int, Cuts, Secs], MoveCost] = {}

    def statics(self, pattern: Pattern, group_type: GroupType) -> Statics:
        """What does not depend on how a group is sliced."""
        key = pattern, group_type
        found = self._statics.get(key)
        if found is None:
            sites = [self._number(member.site) for member in pattern.members]
            values = range(len(pattern.values))
            moves = [self._traffic(pattern, number, sites, group_type) for number in values]
            traffic = [self._transfers[number] for number in moves]
            forms = tuple([each.form for each in traffic])
            found = self._statics[key] = Statics(
                forms,
                tuple(traffic),
                tuple(map(is_absent, forms)),
                cut_values(pattern),
                tuple(sites),
                tuple(moves),
                tuple(
                    [
                        tuple([traffic[value].copies for value in member.inputs])
                        for member in pattern.members
                    ]
                ),
                tuple(
                    number
                    for number, member in enumerate(pattern.members)
                    if kernel_of(type(member.site.attrs)).bank_hazard
                ),
            )
        return found

    def _number(self, item: OpSite | Traffic) -> int:
        """A number instead of something that takes long to hash."""
        return self._numbers.setdefault(item, len(self._numbers))

    def _traffic(
        self, pattern: Pattern, number: int, sites: Sequence[int], group_type: GroupType
    ) -> int:
        """The number of the transfers of a value."""
        value, users = pattern.values[number], pattern.users[number]
        swapped = value.permute >= 0
        if value.producer >= 0:
            member, alone = value.producer, False
            index = pattern.members[member].outputs.index(number)
        else:
            (member, index), alone = users[0], len(users) == 1
        key = sites[member], index, value.producer >= 0, alone, swapped, group_type
        found = self._moved_as.get(key)
        if found is None:
            site = pattern.members[member].site
            if value.producer >= 0:
                traffic = result_traffic(site, index, group_type, swapped=swapped)
            else:
                traffic = operand_traffic(
                    site, index, self.chip, group_type, alone=alone, swapped=swapped
                )
            found = self._moved_as[key] = self._number(traffic)
            self._transfers[found] = traffic
        return found

    def op(
        self,
        known: Statics,
        pattern: Pattern,
        number: int,
        reads: tuple[Cuts, ...],
        made: tuple[Cuts, ...],
        secs: Secs,
        in_place: int = -1,
    ) -> OpCost:
        """A member on all slices.

        Parameters
        ----------
        known, pattern, number : Statics, Pattern, int
            The group, and which of its members.
        reads, made : tuple
            How its operands and results are cut.
        secs : tuple of int
            Sections per axis.
        in_place : int
            The operand whose place the result takes, −1 if it has its own, `SAME_BANK`.
        """
        site, copies = known.sites[number], known.copies[number]
        key = site, in_place, copies, reads, made
        found = self._ops.get(key)
        if found is None:
            member, costs = pattern.members[number], []
            forms = [known.forms[value] for value in member.inputs]
            shapes, numbers = different_slices((*reads, *made), secs)
            for each in shapes:
                inputs = tuple(map(spread, each, copies))
                costs.append(
                    self.compute(site, member.site, forms, inputs, each[len(reads) :], in_place)
                )
            cycles, rooms = zip(*costs, strict=True)
            largest = shapes[cycles.index(max(cycles))]
            inputs = tuple(map(spread, largest, copies))
            crowded = partial(
                self.compute, site, member.site, forms, inputs, largest[len(reads) :], ONE_ADDRESS
            )
            found = self._ops[key] = OpCost(
                np.array(cycles, dtype=np.int64)[numbers], max(rooms), crowded
            )
        return found

    def transfer(
        self, known: Statics, number: int, value: Value, cuts: Cuts, secs: Secs
    ) -> MoveCost:
        """All slices of value `number` of a group: loads, stores, or neither."""
        moved = 1 if value.producer < 0 else 2 if value.leaves else 0
        key = known.moves[number], moved, cuts, secs
        found = self._moves.get(key)
        if found is None:
            shapes, numbers = different_slices((cuts,), secs)
            costs = [self.move(key[0], known.traffic[number], lengths) for (lengths,) in shapes]
            table = np.array(costs, dtype=np.int64)[numbers]
            cycles = table[:, moved] if moved else np.zeros_like(table[:, 0])
            found = self._moves[key] = MoveCost(table[:, 0], cycles)
        return found

    def compute(
        self,
        number: int,
        site: OpSite,
        forms: Sequence[WeightForm | None],
        inputs: Shapes,
        outputs: Shapes,
        in_place: int = -1,
    ) -> tuple[int, int]:
        """BDC cycles of an op on a slice, and bytes per lane of its intermediate values.

        Parameters
        ----------
        number, site : int, OpSite
            The op, and its number in `Statics.sites`.
        forms, inputs : sequences
            Packing and lengths of its operands.
        outputs : tuple
            Lengths of its results.
        in_place : int
            The operand whose place the result takes, −1 if it has its own, `SAME_BANK`,
            `ONE_ADDRESS`.
        """
        key = (number, inputs, outputs, in_place)
        found = self._computed.get(key)
        if found is None:
            images = outputs[0][0]
            if images > MANY_IMAGES and outputs[0][2] == 1:
                (cycles, room), (more, larger) = (
                    self.compute(number, site, forms, *_fewer(count, inputs, outputs), in_place)
                    for count in (2, 3)
                )
                times = images - 2
                found = cycles + times * (more - cycles), room + times * (larger - room)
            else:
                found = self._compute(site, forms, inputs, outputs, in_place)
            self._computed[key] = found
        return found

    def _compute(
        self,
        site: OpSite,
        forms: Sequence[WeightForm | None],
        inputs: Shapes,
        outputs: Shapes,
        in_place: int,
    ) -> tuple[int, int]:
        chip, count = self.chip, len(inputs)
        apart = 0 if in_place == ONE_ADDRESS else _APART
        read: list[Local | None] = []
        for index, (form, lengths) in enumerate(zip(forms, inputs, strict=True)):
            type_ = site.inputs[index].type
            nbytes = slice_bytes(chip, type_, form, lengths)
            span = LmemSpan(index, index * apart, nbytes)
            read.append(None if is_absent(form) else slice_local(type_, form, lengths, span))
        made = []
        for index, lengths in enumerate(outputs):
            type_ = site.outputs[index]
            nbytes = slice_bytes(chip, type_, None, lengths)
            address = (in_place if index == 0 <= in_place else count + index) * apart
            if in_place == SAME_BANK and read[0] is not None:
                address = read[0].span.address + read[0].span.nbytes - 1
            span = LmemSpan(count + index, address, nbytes)
            made.append(slice_local(type_, None, lengths, span))
        kernel = kernel_of(type(site.attrs))
        work = Work(tuple(read), tuple(made), None, outputs[0][2])
        room = kernel.scratch_bytes(site, chip, work)
        if room:
            number = count + len(outputs)
            span = LmemSpan(number, number * apart, room)
            work = Work(work.inputs, work.outputs, span, work.depth)
        instructions = kernel.instructions(site, chip, work)
        return sum(instruction.cycles for instruction in instructions), room

    def move(self, number: int, traffic: Traffic, lengths: Lengths) -> tuple[int, int, int]:
        """Bytes per lane of a slice of a value, and GDMA cycles of loading and storing it."""
        key = (number, lengths)
        found = self._moved.get(key)
        if found is None:
            chip = self.chip
            found = self._moved[key] = (
                slice_bytes(chip, traffic.type, traffic.form, lengths),
                traffic.cycles(chip, Direction.LOAD, lengths),
                traffic.cycles(chip, Direction.STORE, lengths),
            )
        return found
