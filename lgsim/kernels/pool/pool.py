"""Pooling over windows, 1-D to 3-D, in local memory and alone.

A float average over whole planes runs as two passes: planes are padded to whole EU words with
zeros, reduced by columns and then within the last word. Int8 averages and all other windows are one
instruction; 3-D windows pool plane by plane and combine (reference/commands: all networks).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Pool
from lgsim.kernels.base import Kernel, Local, Work
from lgsim.kernels.commands.tiling import (
    ceil_div,
    lane_bytes,
)
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Axis, Features, GroupType, Refusal, Rule
from lgsim.kernels.window import Slide, spread_axes
from lgsim.target.chip import Chip
from lgsim.target.timing import bdc

LARGEST_ROW_WINDOW = 255
"""Widest window of one row; inferred: int8 planes of 7 × 7 are pooled as rows, 34 × 60 are not."""


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


MAX_STRIDE = 15
"""Largest stride of a pooling in a group (docs/chip.md §4)."""

POOL_STRIDE = Rule("pool_stride", "Strides are at most 15.")
POOL_MODE = Rule("pool_mode", "Windows are averaged or take their maximum.")


class PoolKernel(Kernel, kinds=(Pool,)):
    """Average, maximum and L2-norm pooling."""

    rules = (POOL_MODE, POOL_STRIDE)
    splits = "every axis but those a single window covers"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Averages and maxima with moderate strides."""
        del features
        assert isinstance(site.attrs, Pool)
        if site.attrs.mode == "lp":
            return POOL_MODE.refuse(
                "the pooling engine has no norm",
                value="lp",
                limit="avg, max",
                lift="squares, average pooling and a square root",
            )
        stride = max(site.attrs.strides)
        if stride <= MAX_STRIDE:
            return None
        return POOL_STRIDE.refuse(
            "a command steps over at most 15 elements",
            value=f"stride {stride}",
            limit=f"{MAX_STRIDE}",
            lift="two poolings one after the other",
        )

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """Dimensions that one window covers."""
        assert isinstance(site.attrs, Pool)
        shape = site.inputs[0].type.shape
        covered = [2 + i for i, k in enumerate(site.attrs.kernel) if k == shape[2 + i] > 1]
        return frozenset(covered)

    def input_slice(
        self, site: OpSite, index: int, axis: Axis, piece: tuple[int, int], group_type: GroupType
    ) -> tuple[int, int]:
        """What the windows cover; the same channels."""
        shape = pool_shape(site)
        if axis in ("n", "c"):
            return piece
        slide = {"d": shape.depth, "h": shape.rows, "w": shape.cols}[axis]
        return slide.needs(*piece)

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """A plane of partial results for whole-plane averages and 3-D windows.

        Averages of whole 8-bit planes reserve a second result (reference/plans), averages along
        one dimension nothing: their partial results go to where the operand was.
        """
        scratch, shape, out = Scratch(chip), pool_shape(site), work.outputs[0]
        pool(Emitter(chip), scratch, shape, work)
        if shape.whole and shape.mode == "avg" and not shape.dtype.is_float:
            return max(scratch.used, lane_bytes(chip, out.shape, out.dtype))
        return scratch.used

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """PorD passes, and AR passes that combine the planes of 3-D windows."""
        emitter = Emitter(chip)
        pool(emitter, Scratch(chip, work.scratch), pool_shape(site), work)
        return emitter.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Whole if it fits; else cut along the batch, the channels, then the rows."""
        from lgsim.kernels.pool.tiling import PoolTiler, row_averages

        shape = pool_shape(site)
        dense = shape.c % chip.lanes == 0 and shape.taps <= LARGEST_ROW_WINDOW
        if shape.whole and dense and not shape.dtype.is_float and shape.mode == "avg":
            return row_averages(shape, chip)
        return PoolTiler(shape, chip).schedule()


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
