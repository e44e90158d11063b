"""What each slice costs: cycles of computations and transfers, bytes of buffers.

Slices of equal lengths cost the same, so that the slices of a group fall into a few classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.graph.ops import Add, Div, Max, Min, Mul, Sub
from lgsim.kernels.base import WeightForm
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.operands import (
    Lengths,
    Traffic,
    spread,
)
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import Cut, Slicing

Int64s: TypeAlias = NDArray[np.int64]

_IN_PLACE = (Add, Sub, Mul, Min, Max, Div)
"""Ops whose result the vendor lets take the place of an operand (docs/chip.md §8)."""


@dataclass(frozen=True, slots=True)
class Thrift:
    """Ways to save local memory at the cost of cycles.

    Attributes
    ----------
    in_place : bool
        Results of element-wise ops take the place of an operand that nobody else reads; reading
        and writing the same words takes turns.
    reload : bool
        Constants are loaded again for every slice instead of staying.
    """

    in_place: bool = False
    reload: bool = False


def in_place_operands(pattern: Pattern, slicing: Slicing) -> dict[int, int]:
    """Members whose result may take the place of an operand, and which operand."""
    found = {}
    for number, member in enumerate(pattern.members):
        if not isinstance(member.site.attrs, _IN_PLACE):
            continue
        result = member.outputs[0]
        for index, value in enumerate(member.inputs):
            operand = pattern.values[value]
            single = len(pattern.users[value]) == 1 and not operand.leaves and not operand.weight
            alike = slicing.cuts[value] == slicing.cuts[result]
            if single and alike and operand.type == pattern.values[result].type:
                found[number] = index
                break
    return found


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

    @property
    def slices(self) -> int:
        """Number of slices."""
        return len(self.classes)


def group_costs(
    pattern: Pattern, slicing: Slicing, book: CostBook, thrift: Thrift | None = None
) -> GroupCosts:
    """Costs of every class of slices of a group."""
    thrift = thrift or Thrift()
    sharing = in_place_operands(pattern, slicing) if thrift.in_place else {}
    known = book.statics(pattern, slicing.group_type)
    numbers, sections = _classes(slicing)
    values, members = pattern.values, pattern.members
    load, store, sizes = (np.zeros((len(values), len(sections)), dtype=np.int64) for _ in range(3))
    compute, rooms = (np.zeros((len(members), len(sections)), dtype=np.int64) for _ in range(2))
    for column, section in enumerate(sections):
        lengths = [_lengths(cuts, section) for cuts in slicing.cuts]
        for number, value in enumerate(values):
            if known.absent[number]:
                continue
            nbytes, loading, storing = book.move(
                known.moves[number], known.traffic[number], lengths[number]
            )
            sizes[number, column] = nbytes
            if value.producer < 0:
                load[number, column] = loading
            elif value.leaves:
                store[number, column] = storing
        for number, member in enumerate(members):
            read = tuple(
                spread(_lengths(cuts, section), known.traffic[value].copies)
                for value, cuts in zip(member.inputs, slicing.reads[number], strict=True)
            )
            made = tuple(lengths[value] for value in member.outputs)
            packed = [known.forms[value] for value in member.inputs]
            compute[number, column], rooms[number, column] = book.compute(
                known.sites[number], member.site, packed, read, made, sharing.get(number, -1)
            )
    count = len(numbers)
    stays = count > 1 and not thrift.reload
    held = tuple(
        stays and value.weight and not cut for value, cut in zip(values, known.cut, strict=True)
    )
    return GroupCosts(
        known.forms,
        known.traffic,
        held,
        known.absent,
        numbers,
        compute,
        load,
        store,
        tuple(sizes.max(axis=1).tolist()),
        tuple(rooms.max(axis=1).tolist()),
        {members[n].outputs[0]: members[n].inputs[index] for n, index in sharing.items()},
    )


def _lengths(cuts: tuple[Cut, ...], section: Sequence[int]) -> Lengths:
    n, c, d, h, w = cuts
    return (
        n[section[0] if len(n) > 1 else 0][1],
        c[section[1] if len(c) > 1 else 0][1],
        d[section[2] if len(d) > 1 else 0][1],
        h[section[3] if len(h) > 1 else 0][1],
        w[section[4] if len(w) > 1 else 0][1],
    )


def _classes(slicing: Slicing) -> tuple[Int64s, list[tuple[int, ...]]]:
    """Class of each slice in running order, and one representative section per class."""
    kinds: list[list[int]] = []
    firsts: list[list[int]] = []
    for axis, count in enumerate(slicing.secs):
        if count == 1:
            kinds.append([0])
            firsts.append([0])
            continue
        columns = [cuts[axis] for cuts in slicing.cuts if len(cuts[axis]) > 1]
        columns += [
            cuts[axis] for member in slicing.reads for cuts in member if len(cuts[axis]) > 1
        ]
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
