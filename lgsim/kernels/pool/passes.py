"""The geometry of a pooling, and its instructions over one slice.

A float average over whole planes runs as two passes: planes are padded to whole EU words with
zeros, reduced by columns and then within the last word. Int8 averages and all other windows are one
instruction; 3-D windows pool plane by plane and combine (reference/commands: all networks).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Pool
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.tiling import ceil_div
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.schedule import Instruction
from lgsim.kernels.site import OpSite
from lgsim.kernels.window import Slide, spread_axes
from lgsim.target.timing import bdc


@dataclass(frozen=True, slots=True)
class PoolShape:
    """A pooling as (n, c, d, h, w), whatever its rank; a 1-D one slides over h."""

    n: int
    c: int
    depth: Slide
    rows: Slide
    cols: Slide
    mode: str
    relu: bool
    padded: bool
    dtype: DType
    result: DType

    @property
    def whole(self) -> bool:
        """Whether one window covers a whole plane."""
        sizes = self.rows.kernel == self.rows.size and self.cols.kernel == self.cols.size
        single = self.rows.out == self.cols.out == self.depth.kernel == self.depth.out == 1
        return sizes and single and not self.padded

    @property
    def taps(self) -> int:
        """Elements of a plane of the window."""
        return self.rows.kernel * self.cols.kernel


def pool_shape(site: OpSite) -> PoolShape:
    """The geometry of a `Pool` site."""
    attrs = site.attrs
    assert isinstance(attrs, Pool)
    x, out = site.inputs[0].type, site.outputs[0]
    rank = len(attrs.kernel)
    dilations = attrs.dilations or (1,) * rank
    slides = [
        Slide(
            x.shape[2 + axis],
            out.shape[2 + axis],
            attrs.kernel[axis],
            attrs.strides[axis],
            dilations[axis],
            attrs.pads[axis],
        )
        for axis in range(rank)
    ]
    depth, rows, cols = spread_axes(slides)
    return PoolShape(
        n=x.shape[0],
        c=x.shape[1],
        depth=depth,
        rows=rows,
        cols=cols,
        mode=attrs.mode,
        relu=attrs.relu,
        padded=any(attrs.pads),
        dtype=x.dtype,
        result=out.dtype,
    )


def pool(emitter: Emitter, scratch: Scratch, shape: PoolShape, work: Work) -> None:
    """Append the instructions of one slice."""
    x, out = work.input(0), work.outputs[0]
    if shape.whole and shape.mode == "avg" and shape.dtype.is_float:
        _two_passes(emitter, scratch, x, out)
    elif shape.depth.kernel == 1:
        pool_pass(emitter, shape, x, out, x.dtype)
    else:
        _planes(emitter, scratch, shape, x, out)
    if shape.relu:
        emitter.ar("relu", out, out)


def pool_pass(emitter: Emitter, shape: PoolShape, x: Local, out: Local, dtype: DType) -> None:
    """One PorD instruction over the windows of a plane."""
    n, c, h, w = out.shape
    cycles = bdc.pord_cycles(
        emitter.chip,
        dtype,
        n=n,
        c=c,
        oh=h,
        ow=w,
        kh=shape.rows.kernel,
        kw=shape.cols.kernel,
        stride_w=shape.cols.stride,
    )
    emitter.instructions.append(
        Instruction("PorD", f"{shape.mode}_pool", cycles, (x.span,), (out.span,))
    )


def _planes(emitter: Emitter, scratch: Scratch, shape: PoolShape, x: Local, out: Local) -> None:
    """Every plane of a 3-D window is pooled; the later ones join the first."""
    plane = replace(out, shape=(1, *out.shape[1:]))
    other = scratch.local(plane.shape, out.dtype)
    for _ in range(out.shape[0]):
        for index in range(shape.depth.kernel):
            target = other if index else plane
            pool_pass(emitter, shape, x, target, x.dtype)
            if index:
                emitter.ar("max" if shape.mode == "max" else "add", plane, plane, other)


def _two_passes(emitter: Emitter, scratch: Scratch, x: Local, out: Local) -> None:
    chip = emitter.chip
    n, c, _, _ = x.shape
    word = chip.eu_num(x.dtype)
    words = ceil_div(x.plane, word)
    rest = words * word - x.plane
    if rest:
        emitter.ar("copy", replace(x, shape=(n, c, 1, rest)))
    partial = Local((n, c, 1, word), x.dtype, x.span)
    if x.shape[3] > 1:
        partial = scratch.local(partial.shape, x.dtype)
    for source, target, kernel in ((x, partial, (words, 1)), (partial, out, (1, word))):
        h, w = target.shape[2:]
        cycles = bdc.pord_cycles(chip, x.dtype, n=n, c=c, oh=h, ow=w, kh=kernel[0], kw=kernel[1])
        emitter.instructions.append(
            Instruction("PorD", "avg_pool", cycles, (source.span,), (target.span,))
        )
