"""`CostBook`: what ops and transfers cost over all their slices, found once for all groups.

Groups that overlap cut most of their values alike, so that costs are kept for all slices of an op
or value together.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import numpy as np

from lgsim.kernels import kernel_of
from lgsim.kernels.support import GroupType
from lgsim.planner.group.cuts import Cuts, Secs, different_slices
from lgsim.planner.group.operands import (
    Traffic,
    is_absent,
    operand_traffic,
    result_traffic,
    spread,
)
from lgsim.planner.group.pattern import Pattern, Value
from lgsim.planner.group.slice_costs import ONE_ADDRESS, SliceCosts
from lgsim.planner.group.sliced import MoveCost, OpCost
from lgsim.planner.group.slicing import cut_values
from lgsim.planner.group.statics import Statics
from lgsim.target.chip import Chip


class CostBook(SliceCosts):
    """Costs of ops on slices and of transfers, each computed once.

    Parameters
    ----------
    chip : Chip
        Whose laws.
    """

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip)
        self._numbers: dict[Hashable, int] = {}
        self._transfers: dict[int, Traffic] = {}
        self._moved_as: dict[tuple[int, int, bool, bool, bool, GroupType], int] = {}
        self._statics: dict[tuple[Pattern, GroupType], Statics] = {}
        self._ops: dict[tuple[object, ...], OpCost] = {}
        self._moves: dict[tuple[int, int, Cuts, Secs], MoveCost] = {}

    def statics(self, pattern: Pattern, group_type: GroupType) -> Statics:
        """What does not depend on how a group is sliced."""
        key = pattern, group_type
        found = self._statics.get(key)
        if found is None:
            sites = [member.site for member in pattern.members]
            values = range(len(pattern.values))
            moves = [self._traffic(pattern, number, group_type) for number in values]
            traffic = [self._transfers[number] for number in moves]
            forms = tuple([each.form for each in traffic])
            found = self._statics[key] = Statics(
                forms,
                tuple(traffic),
                tuple(map(is_absent, forms)),
                cut_values(pattern),
                tuple([self._number(kernel_of(type(x.attrs)).likeness(x)) for x in sites]),
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

    def _number(self, item: Hashable) -> int:
        """A number instead of something that takes long to hash."""
        return self._numbers.setdefault(item, len(self._numbers))

    def _traffic(self, pattern: Pattern, number: int, group_type: GroupType) -> int:
        """The number of the transfers of a value."""
        value, users = pattern.values[number], pattern.users[number]
        swapped = value.permute >= 0
        if value.producer >= 0:
            member, alone = value.producer, False
            index = pattern.members[member].outputs.index(number)
        else:
            (member, index), alone = users[0], len(users) == 1
        site = pattern.members[member].site
        key = self._number(site), index, value.producer >= 0, alone, swapped, group_type
        found = self._moved_as.get(key)
        if found is None:
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
            kinds = different_slices((*reads, *made), secs)
            for each in kinds.shapes:
                inputs = tuple(map(spread, each, copies))
                costs.append(
                    self.compute(site, member.site, forms, inputs, each[len(reads) :], in_place)
                )
            cycles, rooms = zip(*costs, strict=True)
            largest = kinds.shapes[cycles.index(max(cycles))]
            inputs = tuple(map(spread, largest, copies))
            crowded = partial(
                self.compute, site, member.site, forms, inputs, largest[len(reads) :], ONE_ADDRESS
            )
            found = self._ops[key] = OpCost(
                np.array(cycles, dtype=np.int64)[kinds.numbers],
                sum(map(int.__mul__, cycles, kinds.counts)),
                max(rooms),
                crowded,
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
            kinds = different_slices((cuts,), secs)
            costs = [
                self.move(key[0], known.traffic[number], lengths) for (lengths,) in kinds.shapes
            ]
            nbytes = [each[0] for each in costs]
            cycles = [each[moved] if moved else 0 for each in costs]
            table = np.array((nbytes, cycles), dtype=np.int64)[:, kinds.numbers]
            total = sum(map(int.__mul__, cycles, kinds.counts))
            found = self._moves[key] = MoveCost(
                table[0], table[1], max(nbytes), cycles[nbytes.index(max(nbytes))], total, cycles[0]
            )
        return found
