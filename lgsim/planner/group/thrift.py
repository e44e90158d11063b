"""Ways to save local memory at the cost of cycles: results in place, constants loaded again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lgsim.graph.core import TensorType
from lgsim.graph.ops import Add, Div, Max, Min, Mul, Sub
from lgsim.kernels.site import OpSite
from lgsim.planner.group.cuts import Cuts
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import Slicing

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
    only : frozenset of int, optional
        The members that do; all if None.
    last : bool
        Whether it is the last operand that may be taken, not the first.
    reload : bool
        Constants are loaded again for every slice instead of staying: all of them, as in every
        recorded group that does so.
    """

    in_place: bool = False
    reload: bool = False
    only: frozenset[int] | None = None
    last: bool = False


def may_work_in_place(site: OpSite) -> bool:
    """Whether a result of the op may ever take the place of an operand."""
    return isinstance(site.attrs, _IN_PLACE)


def in_place_operands(pattern: Pattern, slicing: Slicing, *, last: bool = False) -> dict[int, int]:
    """Members whose result may take the place of an operand, and the first or last such operand.

    Nobody reads the operand later, and its slices are no smaller (reference/plans: six Adds).
    """
    found: dict[int, int] = {}
    for number, index, operand, result in last_reads(pattern):
        if (last or number not in found) and _covers(slicing.cuts[operand], slicing.cuts[result]):
            found[number] = index
    return found


@lru_cache(maxsize=64)
def last_reads(pattern: Pattern) -> tuple[tuple[int, int, int, int], ...]:
    """Member, operand index, operand and result, where that takes the place if slices allow it."""
    found = []
    for number, member in enumerate(pattern.members):
        if not may_work_in_place(member.site):
            continue
        result = member.outputs[0]
        for index, value in enumerate(member.inputs):
            operand, users = pattern.values[value], pattern.users[value]
            dies = users[-1][0] == number and not operand.leaves and not operand.weight
            again = sum(reader == number for reader, _ in users) > 1
            alike = _alike(operand.type, pattern.values[result].type)
            if dies and alike and not again:
                found.append((number, index, value, result))
    return tuple(found)


def _alike(operand: TensorType, result: TensorType) -> bool:
    """Whether both have the same shape and elements of one size; one may be signed."""
    return operand.shape == result.shape and operand.dtype.bits == result.dtype.bits


def _covers(larger: Cuts, smaller: Cuts) -> bool:
    """Whether every slice of one value is at least as long as that of the other on all axes."""
    return all(
        len(one.lengths) == len(other.lengths)
        and all(a >= b for a, b in zip(one.lengths, other.lengths, strict=True))
        for one, other in zip(larger, smaller, strict=True)
        if one is not other
    )
