"""Local-memory layout arithmetic: strides and bytes per lane of tensors and packed weights.

A tensor seen as (n, c, d, h, w) keeps channel c in lane c mod 64; d is folded into n. Every lane
holds n·d·⌈c/64⌉ planes of h·w elements; an *aligned* plane is padded to whole EU words, a
*compact* one is not (filters, biases and other per-channel constants).
Source: tpu-mlir lib/Backend/Arch.cpp (tensor sizes) and its debugger's layout names.
"""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.dtypes import DType
from lgsim.target.chip import Chip


def ceil_div(value: int, divisor: int) -> int:
    """`value` / `divisor`, rounded up."""
    return -(-value // divisor)


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is not below `value`."""
    return ceil_div(value, multiple) * multiple


@dataclass(frozen=True, slots=True)
class Strides:
    """Distances in elements inside one lane; `c` is that of channels 64 apart."""

    n: int
    c: int
    h: int
    w: int


def plane_elements(chip: Chip, dtype: DType, *, h: int, w: int, eu_align: bool = True) -> int:
    """Elements that one (h, w) plane takes in a lane, padding included."""
    return round_up(h * w, chip.eu_num(dtype)) if eu_align else h * w


def strides(chip: Chip, dtype: DType, *, c: int, h: int, w: int, eu_align: bool = True) -> Strides:
    """Strides of a tensor of c channels in the aligned or the compact layout."""
    plane = plane_elements(chip, dtype, h=h, w=w, eu_align=eu_align)
    return Strides(ceil_div(c, chip.lanes) * plane, plane, w, 1)


def tensor_lane_bytes(
    chip: Chip,
    dtype: DType,
    *,
    n: int,
    c: int,
    d: int = 1,
    h: int = 1,
    w: int = 1,
    eu_align: bool = True,
) -> int:
    """Bytes per lane of a tensor (n, c, d, h, w); int4 planes are rounded to whole bytes."""
    plane = plane_elements(chip, dtype, h=h, w=w, eu_align=eu_align)
    return n * d * ceil_div(c, chip.lanes) * dtype.nbytes(plane)


def buffer_bytes(chip: Chip, nbytes: int) -> int:
    """Bytes a buffer of `nbytes` occupies: addresses in local memory are multiples of EU words."""
    return round_up(nbytes, chip.eu_bytes)


def packed_filter_elements(chip: Chip, dtype: DType, *, ic: int, taps: int) -> int:
    """Elements per output channel of a packed convolution filter.

    Input channels are grouped by what the cube sums in a cycle, each group holding all `taps`
    (kh·kw, times kd in 3-D); 32-bit filters are not grouped.
    """
    parallel = chip.ic_parallel(dtype)
    return ceil_div(ic, parallel) * taps * parallel
