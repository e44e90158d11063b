"""What the ops and values of a run need as one group type sees them, uncut: cycles and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.kernels import kernel_of
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import AXES, GroupType
from lgsim.kernels.views import View
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.group.operands import spread
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.secs import member_limits
from lgsim.planner.group.slicing import value_views
from lgsim.planner.group.thrift import may_work_in_place
from lgsim.target.chip import Chip

Int64s: TypeAlias = NDArray[np.int64]

UNFIT = 1 << 20
"""More slices than any group has: an op does not limit them, or does not fit with any."""


@dataclass(frozen=True)
class Amounts:
    """Per op of a run, as one group type sees it; zero for ops that do not suit the type.

    Attributes
    ----------
    compute : array, shape (ops,)
        BDC cycles.
    loads, stores : arrays, shape (values,)
        GDMA cycles of whole values; no more than what their slices take together.
    nbytes : array, shape (values,)
        Bytes per lane of whole values.
    room, fixed : arrays, shape (ops,)
        Bytes per lane that the op needs while it computes: of what is cut, and of constants that
        are not.
    weight_bytes, weight_cycles : arrays, shape (ops,)
        Constants whose first reader the op is, those that are not cut: bytes and cycles to load.
    sections : array, shape (axes, ops)
        How often the op lets an axis be cut.
    """

    compute: Int64s
    loads: Int64s
    stores: Int64s
    nbytes: Int64s
    room: Int64s
    fixed: Int64s
    weight_bytes: Int64s
    weight_cycles: Int64s
    sections: Int64s


ROUNDING = 64
"""Cycles that a transfer in slices may lose at most to rounding, one per slice; if that is more
than half of it, half of it."""


def amounts(
    pattern: Pattern, evaluator: GroupEvaluator, group_type: GroupType, suits: list[bool]
) -> Amounts:
    """The amounts of the members that suit a group type."""
    count, book = len(pattern.members), evaluator.book
    known = book.statics(pattern, group_type)
    views = value_views(pattern, group_type)
    columns = np.zeros((5, count), dtype=np.int64)
    sections = np.full((len(AXES), count), UNFIT, dtype=np.int64)
    moved = np.zeros((3, len(pattern.values)), dtype=np.int64)
    for number, value in enumerate(pattern.values):
        near = [value.producer] if value.producer >= 0 else []
        near += [user for user, _ in pattern.users[number]]
        if known.absent[number] or not any(suits[member] for member in near):
            continue
        found = book.move(known.moves[number], known.traffic[number], views[number])
        moved[:, number] = found
        if known.cut[number]:
            moved[1:, number] = [max(each // 2, each - ROUNDING) for each in found[1:]]
            if value.producer >= 0 and _may_spread(pattern, number, evaluator):
                moved[1, number] = 0
        elif near and suits[near[0]]:
            columns[3:, near[0]] += found[:2]
    for number, member in enumerate(pattern.members):
        if not suits[number]:
            continue
        read = tuple(views[value] for value in member.inputs)
        made = tuple(views[value] for value in member.outputs)
        packed = [known.forms[value] for value in member.inputs]
        ways = [
            book.compute(known.sites[number], member.site, packed, inputs, made)
            for inputs in {read, _spread(member.site, evaluator.chip, read)}
        ]
        cycles, scratch = map(min, zip(*ways, strict=True))
        bytes_of = moved[0]
        cut = {v for v in member.inputs if known.cut[v]}
        room = scratch + sum(int(bytes_of[v]) for v in cut)
        if not may_work_in_place(member.site):
            room += sum(int(bytes_of[v]) for v in member.outputs)
        fixed = sum(int(bytes_of[v]) for v in set(member.inputs) - cut)
        columns[:3, number] = cycles, room, fixed
        sections[:, number] = member_limits(member.site, group_type, evaluator.chip.lanes)
    return Amounts(
        columns[0],
        moved[1],
        moved[2],
        moved[0],
        columns[1],
        columns[2],
        columns[3],
        columns[4],
        sections,
    )


def _spread(site: OpSite, chip: Chip, read: tuple[View, ...]) -> tuple[View, ...]:
    """Operands as they are if they are loaded for the op: some are copied to more lanes."""
    kernel = kernel_of(type(site.attrs))
    return tuple(
        spread(sizes, kernel.load_copies(site, chip, index)) for index, sizes in enumerate(read)
    )


def _may_spread(pattern: Pattern, number: int, evaluator: GroupEvaluator) -> bool:
    """Whether a reader wants a value copied to several lanes, if it is loaded for it."""
    return any(
        kernel_of(type(site.attrs)).load_copies(site, evaluator.chip, index) > 1
        for user, index in pattern.users[number]
        for site in (pattern.members[user].site,)
    )
