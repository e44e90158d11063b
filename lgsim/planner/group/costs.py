"""What each slice costs: cycles of computations and transfers, bytes of buffers.

Slices of equal lengths cost the same, so that the slices of a group fall into a few classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.kernels.base import WeightForm
from lgsim.planner.group.book import SAME_BANK, CostBook, Shapes, Statics
from lgsim.planner.group.operands import (
    Lengths,
    Traffic,
    spread,
)
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import Cut, Slicing
from lgsim.planner.group.thrift import Thrift, in_place_operands

Int64s: TypeAlias = NDArray[np.int64]
Section: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class GroupCosts:
    """Costs of a sliced group.

    Attributes
    ----------
    forms, traffic, held, absent : tuple
        Per value: its packing, its transfers, whether it is loaded once and stays, whether it is
        merged into another constant.
    classes : array, shape (slices,)
        Class of each slice, in the order they run.
    compute : array, shape (members, classes)
        BDC cycles.
    load, store : arrays, shape (values, classes)
        GDMA cycles; 0 for values that are not moved that way.
    value_bytes, scratch_bytes : tuple of int
        Bytes per lane of the largest slice of each value, and of each member's scratch.
    shared : dict
        Results that take the place of an operand, and that operand.
    slice_bytes : array, shape (values, classes)
        Bytes per lane.
    hazards : dict
        Members that take longer if the first operand and the result share a bank, and by how many
        cycles, per class.
    may_stay : tuple of bool
        Constants that are the same for all of several slices.
    """

    forms: tuple[WeightForm | None, ...]
    traffic: tuple[Traffic, ...]
    held: tuple[bool, ...]
    absent: tuple[bool, ...]
    classes: Int64s
    compute: Int64s
    load: Int64s
    store: Int64s
    value_bytes: tuple[int, ...]
    scratch_bytes: tuple[int, ...]
    shared: dict[int, int]
    slice_bytes: Int64s
    hazards: dict[int, Int64s]
    may_stay: tuple[bool, ...]

    @property
    def slices(self) -> int:
        """Number of slices."""
        return len(self.classes)


def group_costs(
    pattern: Pattern, slicing: Slicing, book: CostBook, thrift: Thrift | None = None
) -> GroupCosts:
    """Costs of every class of slices of a group."""
    known = book.statics(pattern, slicing.group_type)
    numbers, sections = _classes(slicing)
    values, members = pattern.values, pattern.members
    load, store, sizes = (np.zeros((len(values), len(sections)), dtype=np.int64) for _ in range(3))
    for number, value in enumerate(values):
        if known.absent[number]:
            continue
        moved = [
            book.move(known.moves[number], known.traffic[number], lengths)
            for lengths in _lengths(slicing.cuts[number], sections)
        ]
        sizes[number] = [nbytes for nbytes, _, _ in moved]
        if value.producer < 0:
            load[number] = [loading for _, loading, _ in moved]
        elif value.leaves:
            store[number] = [storing for _, _, storing in moved]
    compute, rooms = (np.zeros((len(members), len(sections)), dtype=np.int64) for _ in range(2))
    hazards = {}
    for number in range(len(members)):
        shapes = _shapes(pattern, slicing, known, number, sections)
        compute[number], rooms[number] = _computed(pattern, book, known, number, shapes)
        if number in known.hazards:
            slow, _ = _computed(pattern, book, known, number, shapes, SAME_BANK)
            hazards[number] = np.array(slow, dtype=np.int64) - compute[number]
    may_stay = tuple(
        len(numbers) > 1 and value.weight and not cut
        for value, cut in zip(values, known.cut, strict=True)
    )
    costs = GroupCosts(
        known.forms,
        known.traffic,
        may_stay,
        known.absent,
        numbers,
        compute,
        load,
        store,
        tuple(sizes.max(axis=1).tolist()),
        tuple(rooms.max(axis=1).tolist()),
        {},
        sizes,
        hazards,
        may_stay,
    )
    return costs if thrift is None else thrifty_costs(pattern, slicing, book, costs, thrift)


def thrifty_costs(
    pattern: Pattern, slicing: Slicing, book: CostBook, costs: GroupCosts, thrift: Thrift
) -> GroupCosts:
    """The costs of a group if memory is saved; `costs` are those without."""
    held = tuple(
        stays and (not thrift.reload or number in thrift.keep)
        for number, stays in enumerate(costs.may_stay)
    )
    sharing = in_place_operands(pattern, slicing, last=thrift.last) if thrift.in_place else {}
    if thrift.only is not None:
        sharing = {number: sharing[number] for number in sharing if number in thrift.only}
    if not sharing:
        return costs if held == costs.held else replace(costs, held=held)
    known = book.statics(pattern, slicing.group_type)
    _, sections = _classes(slicing)
    compute, scratch_bytes = costs.compute.copy(), list(costs.scratch_bytes)
    for number, operand in sharing.items():
        shapes = _shapes(pattern, slicing, known, number, sections)
        compute[number], rooms = _computed(pattern, book, known, number, shapes, operand)
        scratch_bytes[number] = max(rooms)
    members = pattern.members
    return replace(
        costs,
        held=held,
        compute=compute,
        scratch_bytes=tuple(scratch_bytes),
        shared={members[n].outputs[0]: members[n].inputs[index] for n, index in sharing.items()},
    )


def _computed(
    pattern: Pattern,
    book: CostBook,
    known: Statics,
    number: int,
    shapes: Iterable[tuple[Shapes, Shapes]],
    in_place: int = -1,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Cycles and bytes of scratch of a member for slices of some shapes."""
    member = pattern.members[number]
    packed = [known.forms[value] for value in member.inputs]
    found = [
        book.compute(known.sites[number], member.site, packed, read, made, in_place)
        for read, made in shapes
    ]
    cycles, rooms = zip(*found, strict=True)
    return cycles, rooms


def _shapes(
    pattern: Pattern, slicing: Slicing, known: Statics, number: int, sections: Sequence[Section]
) -> list[tuple[Shapes, Shapes]]:
    """What a member reads and makes in each class of slices."""
    member = pattern.members[number]
    read = [
        [spread(lengths, known.traffic[value].copies) for lengths in _lengths(cuts, sections)]
        for value, cuts in zip(member.inputs, slicing.reads[number], strict=True)
    ]
    made = [_lengths(slicing.cuts[value], sections) for value in member.outputs]
    inputs = zip(*read, strict=True) if read else [()] * len(sections)
    return list(zip(inputs, zip(*made, strict=True), strict=True))


def placed_costs(
    pattern: Pattern, costs: GroupCosts, addresses: Mapping[int, int], bank_bytes: int
) -> GroupCosts:
    """The costs when the addresses of all buffers are known: some results share a bank."""
    if not costs.hazards:
        return costs
    compute = costs.compute.copy()
    for number, extra in costs.hazards.items():
        member = pattern.members[number]
        ends = []
        for value in (member.inputs[0], member.outputs[0]):
            place = costs.slice_bytes[value]
            first = addresses[root(costs.shared, value)]
            ends.append((first // bank_bytes, (first + np.maximum(place - 1, 0)) // bank_bytes))
        (first, last), (begin, end) = ends
        compute[number] += np.where((first <= end) & (begin <= last), extra, 0)
    return replace(costs, compute=compute)


def root(shared: Mapping[int, int], value: int) -> int:
    """The value whose place a value takes in the end, itself if it has its own."""
    while value in shared:
        value = shared[value]
    return value


def _lengths(cuts: tuple[Cut, ...], sections: Sequence[Section]) -> list[Lengths]:
    """Lengths of a value in each class of slices."""
    n, c, d, h, w = (cut[0][1] for cut in cuts)
    axes = [axis for axis, cut in enumerate(cuts) if len(cut) > 1]
    if not axes:
        return [(n, c, d, h, w)] * len(sections)
    found: list[Lengths] = []
    for section in sections:
        lengths = [n, c, d, h, w]
        for axis in axes:
            lengths[axis] = cuts[axis][section[axis]][1]
        found.append((lengths[0], lengths[1], lengths[2], lengths[3], lengths[4]))
    return found


def _classes(slicing: Slicing) -> tuple[Int64s, list[Section]]:
    """Class of each slice in running order, and one representative section per class."""
    kinds: list[list[int]] = []
    firsts: list[list[int]] = []
    for axis, count in enumerate(slicing.secs):
        if count == 1:
            kinds.append([0])
            firsts.append([0])
            continue
        columns = {cuts[axis] for cuts in slicing.cuts if len(cuts[axis]) > 1}
        columns |= {
            cuts[axis] for member in slicing.reads for cuts in member if len(cuts[axis]) > 1
        }
        seen: dict[tuple[int, ...], int] = {}
        kind, first = [], []
        for index in range(count):
            key = tuple(cut[index][1] for cut in columns)
            if key not in seen:
                seen[key] = len(seen)
                first.append(index)
            kind.append(seen[key])
        kinds.append(kind)
        firsts.append(first)
    sizes = [len(first) for first in firsts]
    numbers = np.zeros((), dtype=np.int64)
    for kind, size in zip(kinds, sizes, strict=True):
        numbers = numbers[..., None] * size + np.array(kind, dtype=np.int64)
    return numbers.ravel(), list(product(*firsts))
