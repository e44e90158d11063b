"""How the ops of a layer group see tensors as (n, c, d, h, w).

Source: docs/chip.md §3. SMALL_C moves the rows of attention matrices onto the lanes; if
all dimensions above the last one multiply to whole blocks of 64 they are spread evenly.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod

from lgsim.graph.core import Shape
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import AXES, Axis, GroupType

View = tuple[int, int, int, int, int]

SMALL_C_LANES = 64


@lru_cache(maxsize=1 << 14)
def view(shape: Shape, group_type: GroupType) -> View:
    """The tensor as (n, c, d, h, w)."""
    if group_type == "SMALL_C":
        return _small_c(shape)
    n, c, *inner = (*shape, *(1,) * (2 - len(shape)))
    if group_type == "3D" and len(inner) >= 3:
        return n, c, inner[0], inner[1], prod(inner[2:])
    h, *rest = inner or (1,)
    return n, c, 1, h, prod(rest)


def _small_c(shape: Shape) -> View:
    rank = len(shape)
    if rank <= 1:
        return 1, 1, 1, prod(shape), 1
    outer, last = prod(shape[:-1]), shape[-1]
    if rank <= 3:
        return 1, outer, 1, last, 1
    if outer % SMALL_C_LANES == 0:
        return outer // SMALL_C_LANES, SMALL_C_LANES, 1, last, 1
    return prod(shape[:-2]), shape[-2], 1, last, 1


def operand_shape(site: OpSite, index: int) -> Shape:
    """Shape of an input; constants of lower rank than the result get ones in front."""
    operand = site.inputs[index]
    missing = len(site.outputs[0].shape) - len(operand.type.shape)
    return (1,) * (missing if operand.weight else 0) + operand.type.shape


def axis_size(shape: Shape, axis: Axis, group_type: GroupType) -> int:
    """Length of a tensor along one axis."""
    return view(shape, group_type)[AXES.index(axis)]
