"""Slices: cuts of the results, and backwards from them the slices of every other value.

Per value and axis there is one `Cut`, with one (start, length) per section.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from lgsim.graph.ops import Add, Cast, Conv, Lut
from lgsim.kernels import kernel_of
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import AXES, Axis, GroupType
from lgsim.kernels.views import View, operand_shape, view
from lgsim.planner.group.cuts import Cut, Cuts, Secs, cut_of, even_cut, uncut
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.pattern import Pattern

_READ_PARTS = (Conv, Add)
"""Ops that can begin to read inside a slice (docs/chip.md §8): of all values of the vendor's sliced
groups whose readers need different rows, no other op reads one (reference/plans)."""

_PASS_PARTS = (Cast, Lut)
"""Ops that work on whatever is there, for such readers behind them."""


@dataclass(frozen=True, eq=False)
class Slicing:
    """Every slice of every value.

    Attributes
    ----------
    group_type : str
        How tensors are seen as (n, c, d, h, w).
    secs : tuple of int
        Sections per axis; their product is the number of slices.
    views : tuple
        Whole size of each value.
    cuts : tuple
        Per value, how it is cut; constants that are loaded whole are not.
    reads : tuple
        Per member and operand, the same for what the member reads: its slices may be shorter than
        those of the value if another reader needs more.
    """

    group_type: GroupType
    secs: Secs
    views: tuple[View, ...]
    cuts: tuple[Cuts, ...]
    reads: tuple[tuple[Cuts, ...], ...]


@lru_cache(maxsize=64)
def value_views(pattern: Pattern, group_type: GroupType) -> tuple[View, ...]:
    """Whole size of each value as (n, c, d, h, w); constants have the rank of their reader."""
    result = []
    for number, value in enumerate(pattern.values):
        shape = value.type.shape
        if value.weight and pattern.users[number]:
            member, index = pattern.users[number][0]
            shape = operand_shape(pattern.members[member].site, index)
        result.append(view(shape, group_type))
    return tuple(result)


@lru_cache(maxsize=64)
def cut_values(pattern: Pattern) -> tuple[bool, ...]:
    """Which values are cut into slices: everything but constants that are held whole."""
    return tuple(
        not value.weight
        or all(_cuts_weight(pattern.members[member].site, index) for member, index in users)
        for value, users in zip(pattern.values, pattern.users, strict=True)
    )


@lru_cache(maxsize=1 << 12)
def reads_parts(pattern: Pattern, value: int) -> bool:
    """Whether every reader of a value can do with a part of its slices."""
    for number, _ in pattern.users[value]:
        member = pattern.members[number]
        attrs = member.site.attrs
        if isinstance(attrs, _PASS_PARTS):
            if not reads_parts(pattern, member.outputs[0]):
                return False
        elif not isinstance(attrs, _READ_PARTS) or (isinstance(attrs, Conv) and attrs.groups > 1):
            return False
    return True


@lru_cache(maxsize=1 << 14)
def _cuts_weight(site: OpSite, index: int) -> bool:
    return kernel_of(type(site.attrs)).cuts_weight(site, index)


@lru_cache(maxsize=1 << 16)
def needed(site: OpSite, index: int, axis: Axis, cut: Cut, group_type: GroupType) -> Cut:
    """Pieces of an input that pieces of the result need."""
    kernel = kernel_of(type(site.attrs))
    return cut_of(
        tuple([kernel.input_slice(site, index, axis, piece, group_type) for piece in cut.pieces])
    )


@lru_cache(maxsize=64)
def infer(pattern: Pattern, group_type: GroupType, secs: Secs, lanes: int) -> Slicing | Failure:
    """Slices of all values for a number of sections per axis.

    Results that leave the group are cut evenly (whole rounds of lanes along c); the others get
    what their readers need. Slices of two readers that differ are united if they overlap and every
    reader can do with a part (`reads_parts`).
    """
    if pattern.absorbed and group_type == "SMALL_C":
        return Failure("permute", "SMALL_C does not see the axes that a permute beside it swaps")
    views = value_views(pattern, group_type)
    cuts = list(map(uncut, views))
    reads = [[cuts[value] for value in member.inputs] for member in pattern.members]
    split = cut_values(pattern)
    for position, count in enumerate(secs):
        if count > 1:
            axis = _Axis(pattern, group_type, position, count, lanes, split, AXES[position])
            failure = axis.infer(views, cuts, reads)
            if failure is not None:
                return failure
    return Slicing(group_type, secs, views, tuple(cuts), tuple(map(tuple, reads)))


@dataclass(frozen=True, slots=True)
class _Axis:
    """Inference along one axis."""

    pattern: Pattern
    group_type: GroupType
    position: int
    count: int
    lanes: int
    split: Sequence[bool]
    name: Axis

    def infer(
        self, views: Sequence[View], cuts: list[Cuts], reads: list[list[Cuts]]
    ) -> Failure | None:
        """Fill in the cuts of the axis; readers come before the ops that make what they read."""
        found: dict[int, Cut] = {}
        wishes: dict[int, list[Cut]] = {}
        asked: list[tuple[int, int, int, Cut]] = []
        members = self.pattern.members
        for number in reversed(range(len(members))):
            member = members[number]
            for value in member.outputs:
                cut = self._own_cut(value, views[value], wishes.get(value, []), number)
                if isinstance(cut, Failure):
                    return cut
                found[value] = cut
            wanted = found[member.outputs[0]]
            for index, value in enumerate(member.inputs):
                if self.split[value]:
                    cut = needed(member.site, index, self.name, wanted, self.group_type)
                    if _is_degenerate(cut, views[value][self.position], self.name):
                        return self._failure(number, f"slices of operand {index} do not advance")
                    asked.append((number, index, value, cut))
                    wishes.setdefault(value, []).append(cut)
        for value in sorted(wishes.keys() - found.keys()):
            union = self._united(wishes[value], value, -1)
            if isinstance(union, Failure):
                return union
            found[value] = union
        before = list(cuts)
        for value, cut in found.items():
            cuts[value] = self._with(cuts[value], cut)
        for number, index, value, cut in asked:
            same = cut is found[value] and reads[number][index] is before[value]
            reads[number][index] = cuts[value] if same else self._with(reads[number][index], cut)
        return None

    def _with(self, cuts: Cuts, cut: Cut) -> Cuts:
        """The cuts of a value with another one along the axis."""
        changed = list(cuts)
        changed[self.position] = cut
        n, c, d, h, w = changed
        return n, c, d, h, w

    def _own_cut(self, value: int, sizes: View, requests: list[Cut], member: int) -> Cut | Failure:
        """Cut of a value made in the group, from what its readers need and what is stored."""
        if self.pattern.values[value].leaves or not requests:
            unit = self.lanes if self.name == "c" else 1
            size = sizes[self.position]
            if self.count > -(-size // unit):
                return self._failure(member, f"{self.count} slices, allowed: {-(-size // unit)}")
            requests = [even_cut(size, self.count, unit), *requests]
        return self._united(requests, value, member)

    def _united(self, requests: list[Cut], value: int, member: int) -> Cut | Failure:
        """One cut that covers what several readers need."""
        first = requests[0]
        if len(requests) == 1 or len(set(requests)) == 1:
            return first
        if self.name not in ("h", "w") or not reads_parts(self.pattern, value):
            return self._failure(member, "the readers of a value need different slices of it")
        united = []
        for pieces in zip(*(cut.pieces for cut in requests), strict=True):
            start = min(piece[0] for piece in pieces)
            end = max(piece[0] + piece[1] for piece in pieces)
            if max(p[0] for p in pieces) > min(p[0] + p[1] for p in pieces):
                return self._failure(member, "the readers of a value need slices far apart")
            united.append((start, end - start))
        return cut_of(tuple(united))

    def _failure(self, member: int, detail: str) -> Failure:
        return Failure("slices", f"along {self.name}: {detail}", member, self.name)


@lru_cache(maxsize=1 << 14)
def _is_degenerate(cut: Cut, size: int, axis: Axis) -> bool:
    """Whether a slice is empty or, along n, c and d, begins or ends like the one before.

    Rows and columns may: a halo can reach over several slices of a small image. (The vendor's
    greedy plan of unet512 cuts 32 rows into 25 slices; 3-D networks show no such depth.)
    """
    if cut.shortest <= 0:
        return True
    pieces = cut.pieces
    if size == 1 or axis in "hw" or all(piece == pieces[0] for piece in pieces):
        return False
    ends = [start + length for start, length in pieces]
    return any(start == 0 for start, _ in pieces[1:]) or any(a >= b for a, b in pairwise(ends))
