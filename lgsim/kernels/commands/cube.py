"""Builders of the matrix unit's BDC instructions: convolution, depthwise convolution, products."""

from __future__ import annotations

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.schedule import Instruction, LmemSpan
from lgsim.target.chip import Chip
from lgsim.target.timing import bdc


def conv(
    chip: Chip,
    out: Local,
    dtype: DType,
    reads: tuple[LmemSpan, ...],
    *,
    ic: int,
    kernel: tuple[int, int],
) -> Instruction:
    """Convolution of operands of `dtype` with `ic` input channels."""
    n, c, h, w = out.shape
    cycles = bdc.conv_cycles(chip, dtype, n=n, ic=ic, oc=c, oh=h, ow=w, kh=kernel[0], kw=kernel[1])
    return Instruction("CONV", "conv", cycles, reads, (out.span,))


def depthwise(
    chip: Chip,
    out: Local,
    dtype: DType,
    reads: tuple[LmemSpan, ...],
    *,
    kernel: tuple[int, int],
    stride_w: int,
) -> Instruction:
    """Depthwise convolution of an input of `dtype`."""
    n, c, h, w = out.shape
    wide = out.dtype if out.dtype.bits > dtype.bits else dtype
    cycles = bdc.pord_cycles(
        chip, wide, n=n, c=c, oh=h, ow=w, kh=kernel[0], kw=kernel[1], stride_w=stride_w
    )
    return Instruction("PorD", "depthwise", cycles, reads, (out.span,))


def product(
    chip: Chip,
    out: LmemSpan,
    dtype: DType,
    reads: tuple[LmemSpan, ...],
    *,
    m: int,
    k: int,
    n: int,
) -> Instruction:
    """MM2 of one batch element: rows on the lanes, operands of 8 or 16 bits."""
    cycles = bdc.mm2_cycles(chip, dtype, m=m, k=k, n=n)
    return Instruction("MM2", "mm2", cycles, reads, (out,))
