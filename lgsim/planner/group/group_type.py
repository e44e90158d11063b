"""Whether ops may form a group at all, and how they see tensors: the group type.

Order and conditions of docs/chip.md §3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from lgsim.graph.core import Shape
from lgsim.graph.ops import (
    Active,
    Add,
    AddConst,
    Cast,
    Clip,
    Concat,
    Conv,
    Div,
    LayerNorm,
    Lut,
    MatMul,
    Mul,
    MulConst,
    MulShift,
    Pool,
    Reduce,
    Reshape,
    RMSNorm,
    Softmax,
    Where,
)
from lgsim.kernels import local_support
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Features, GroupType
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.pattern import Pattern
from lgsim.target.chip import Chip

_SMALL_C = (Active, Add, Cast, LayerNorm, RMSNorm, MulConst, MatMul, Softmax, Reshape, Lut, Mul)
_MM = (
    *_SMALL_C,
    AddConst,
    Clip,
    Concat,
    Div,
    MulShift,
    Where,
    Reduce,
)  # fmt: skip
_VOLUME_RANK = 5
_FEW_HEADS = 32
"""Fewer than this many channels leave most lanes idle in the normal view."""


def local_failure(pattern: Pattern, features: Features) -> Failure | None:
    """The first op that may not compute in local memory, None if all may."""
    for number, member in enumerate(pattern.members):
        refusal = local_support(member.site, features)
        if refusal is not None:
            return Failure("local", f"{refusal.rule}: {refusal.detail}", number)
    return None


@dataclass(frozen=True, slots=True)
class Traits:
    """What an op says to the type of its group.

    Attributes
    ----------
    volume : bool
        It makes every group of its a 3D one.
    small_c, mm : bool
        It suits groups of that type.
    rows_only : bool
        It is local in SMALL_C alone: a product of heads and one matrix wants rows on the lanes.
    """

    volume: bool
    small_c: bool
    mm: bool
    rows_only: bool


@lru_cache(maxsize=4096)
def traits(site: OpSite, lanes: int) -> Traits:
    """The traits of an op on a chip with so many lanes."""
    return Traits(_is_volume(site), _suits_small_c(site, lanes), _suits_mm(site), _few_heads(site))


def choose_type(pattern: Pattern, chip: Chip) -> GroupType:
    """The group type of some ops."""
    if len(pattern.members) == 1:
        return "NORMAL"
    found = [traits(member.site, chip.lanes) for member in pattern.members]
    if any(each.volume for each in found):
        return "3D"
    if all(each.small_c for each in found):
        return "SMALL_C"
    if all(each.mm for each in found):
        return "MM"
    return "NORMAL"


def type_failure(pattern: Pattern, group_type: GroupType, chip: Chip) -> Failure | None:
    """The first op that is local in another type only."""
    if group_type == "SMALL_C":
        return None
    for number, member in enumerate(pattern.members):
        if traits(member.site, chip.lanes).rows_only:
            left, right = (operand.type.shape for operand in member.site.inputs[:2])
            detail = f"a product of {left} and {right} needs the type SMALL_C"
            return Failure("type", detail, number)
    return None


def suitable_type(pattern: Pattern, features: Features, chip: Chip) -> GroupType | Failure:
    """The group type of some ops, or why they can be no group whatever its slices."""
    failure = local_failure(pattern, features)
    if failure is not None:
        return failure
    group_type = choose_type(pattern, chip)
    return type_failure(pattern, group_type, chip) or group_type


def _few_heads(site: OpSite) -> bool:
    if not isinstance(site.attrs, MatMul):
        return False
    left, right = (operand.type.shape for operand in site.inputs[:2])
    few = (len(left) == 4 and left[1] < left[2]) or (len(left) == 5 and left[1] < left[3])
    return few and len(right) == 2


def _is_volume(site: OpSite) -> bool:
    windows = isinstance(site.attrs, Conv | Pool) and len(site.attrs.kernel) == 3
    normal = isinstance(site.attrs, LayerNorm)
    return windows or (normal and len(site.inputs[0].type.shape) == _VOLUME_RANK)


def _suits_small_c(site: OpSite, lanes: int) -> bool:
    attrs = site.attrs
    shape = site.inputs[0].type.shape
    if not isinstance(attrs, _SMALL_C) or not _narrow(shape, lanes):
        return False
    if not _last_axis(site):
        return False
    if isinstance(attrs, Add | Mul):
        return len({operand.type.shape for operand in site.inputs}) == 1
    if isinstance(attrs, MatMul):
        return not attrs.hdim_is_batch
    if isinstance(attrs, Reshape):
        result = site.outputs[0].shape
        outer = len(shape) > 2 and shape[:2] == result[:2] and 3 <= len(result) <= _VOLUME_RANK
        return outer and not (len(shape) > 3 and prod(shape[:-1]) % lanes == 0)
    return True


def _narrow(shape: Shape, lanes: int) -> bool:
    """Whether rows make better use of the lanes than dimension 1 does."""
    rank = len(shape)
    if rank == 3:
        # The token count of ViT at 224 × 224 is a special case of the vendor's.
        return shape[0] > 4 and shape[1] == 197
    if rank not in (4, _VOLUME_RANK):
        return False
    if prod(shape[:-1]) % lanes == 0:
        return True
    return shape[-2] > shape[1] and shape[1] < _FEW_HEADS


def _suits_mm(site: OpSite) -> bool:
    attrs = site.attrs
    if not isinstance(attrs, _MM) or not _last_axis(site):
        return False
    shape, result = site.inputs[0].type.shape, site.outputs[0].shape
    if isinstance(attrs, Reshape):
        return min(len(shape), len(result)) > 2 and shape[:2] == result[:2]
    if isinstance(attrs, MatMul):
        return not (attrs.left_transpose and attrs.right_transpose)
    return True


def _last_axis(site: OpSite) -> bool:
    """Norms and Softmax have to work along the last axis."""
    if isinstance(site.attrs, LayerNorm | RMSNorm | Softmax):
        return site.attrs.axis == len(site.inputs[0].type.shape) - 1
    return True
