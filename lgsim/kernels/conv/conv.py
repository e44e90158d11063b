"""Convolutions in local memory: the BDC instructions of a slice, and coefficient sizes.

What follows the convolution on the cube depends on the element type (reference/commands, all
networks): float adds one AR pass in place for a ReLU; int8 sums in int32, adds the bias in place
and requantizes; a depthwise convolution adds its bias itself. Inputs of few channels are spread
over the lanes first, so that the cube sums kernel rows as if they were channels ("3IC").
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Conv
from lgsim.kernels.base import Kernel, WeightForm, Work
from lgsim.kernels.commands.tiling import ceil_div, lane_bytes, round_up
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.conv.coefficients import coefficient_bytes, filter_bytes, folded_taps
from lgsim.kernels.conv.local import convolve, convolve_depth
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Axis, Features, GroupType, Refusal, Rule
from lgsim.kernels.window import ConvShape, conv_shape
from lgsim.target.chip import Chip

MAX_CONV3D_STRIDE = 15
"""Largest stride along h and w of a Conv3D in a group (docs/chip.md §4)."""

CONV3D_STRIDE = Rule("conv3d_stride", "A Conv3D has strides of at most 15 along h and w.")


class ConvKernel(Kernel, kinds=(Conv,)):
    """Conv1D and Conv2D (plain, grouped, depthwise, dilated), Conv3D one depth slice at a time."""

    rules: ClassVar[tuple[Rule, ...]] = (CONV3D_STRIDE,)
    splits = "every axis but c: a slice needs all input channels and makes all output channels"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Always in 1-D and 2-D; in 3-D the stride is limited."""
        del features
        assert isinstance(site.attrs, Conv)
        strides = site.attrs.strides
        if len(strides) < 3 or max(strides[1:]) <= MAX_CONV3D_STRIDE:
            return None
        return CONV3D_STRIDE.refuse(
            "a 3-D convolution takes its rows and columns by single commands",
            value=f"stride {max(strides[1:])}",
            limit=f"{MAX_CONV3D_STRIDE}",
            lift="a smaller stride",
        )

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """The channels."""
        del site
        return frozenset({1})

    def input_slice(
        self, site: OpSite, index: int, axis: Axis, piece: tuple[int, int], group_type: GroupType
    ) -> tuple[int, int]:
        """What the windows cover; all channels."""
        shape = conv_shape(site)
        if axis == "n":
            return piece
        if axis == "c":
            return 0, shape.ic
        slide = {"d": shape.depth, "h": shape.rows, "w": shape.cols}[axis]
        return slide.group_piece(*piece)

    def load_copies(self, site: OpSite, chip: Chip, index: int) -> int:
        """8-bit inputs of few channels are spread over the lanes as they are loaded.

        (reference/commands: the first layers of all int8 networks; 16-bit ones use the BDC.)
        """
        shape = conv_shape(site)
        if index or not shape.integer:
            return 1
        rows, cols = folded_taps(chip, shape)
        return rows * cols

    def scratch_apart(self, site: OpSite, chip: Chip) -> bool:
        """Where the input is folded (reference/plans: the first layers of all networks)."""
        return folded_taps(chip, conv_shape(site)) != (1, 1)

    def weight_form(self, site: OpSite, chip: Chip, index: int) -> WeightForm | None:
        """The packed filter, with requant parameters and bias merged in if it requantizes."""
        shape = conv_shape(site)
        if shape.requant:
            return _merged_form(chip, shape) if index == 1 else NOT_LOADED
        if index == 2:
            assert shape.bias is not None
            return WeightForm((1, shape.oc, 1, 1), shape.bias)
        if shape.depthwise:
            return WeightForm((shape.depth.kernel, shape.oc, 1, shape.taps), shape.dtype)
        depth = shape.depth.kernel
        if depth > 1:
            packed = round_up(shape.group_ic, chip.ic_parallel(shape.dtype))
            columns = packed * shape.rows.kernel * shape.cols.kernel
        else:
            columns = filter_bytes(chip, shape) * 8 // shape.dtype.bits
        return WeightForm((depth, shape.oc, 1, columns), shape.dtype)

    def even_planes(self, site: OpSite, chip: Chip) -> tuple[int, ...]:
        """The input, unless channels are spread or convolved one by one."""
        shape = conv_shape(site)
        plain = shape.flat and shape.groups == 1 and folded_taps(chip, shape) == (1, 1)
        return (0,) if plain else ()

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """Folded input, and int32 sums where the result is narrower.

        Sums are padded as the 8-bit result is. A depthwise convolution also reserves one round of
        channels of its input, its results in 32 bits, a byte per tap and round, and two elements
        (reference/plans: all depthwise layers, in three precisions).
        """
        scratch = Scratch(chip)
        self._emit(site, chip, replace(work, scratch=None), scratch)
        shape, x, out = conv_shape(site), work.input(0), work.outputs[0]
        if not shape.flat:
            return scratch.used
        used = scratch.used
        results = 32 // shape.dtype.bits * lane_bytes(chip, out.shape, shape.dtype)
        if shape.requant:
            used += results - lane_bytes(chip, out.shape, DType.I32)
        if shape.depthwise:
            n, c, h, w = x.shape
            one_round = lane_bytes(chip, (n, min(c, chip.lanes), h, w), x.dtype)
            taps = shape.taps * ceil_div(out.shape[1], chip.lanes)
            used += one_round + results + taps + x.dtype.nbytes(2)
        return used

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """Spread, convolve, add the bias, requantize or apply the ReLU."""
        return self._emit(site, chip, work, Scratch(chip, work.scratch))

    def _emit(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        shape = conv_shape(site)
        emitter = Emitter(chip)
        if shape.flat:
            convolve(emitter, scratch, shape, work)
        else:
            convolve_depth(emitter, scratch, shape, work)
        return emitter.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Tiles over groups, batch, rows and output channels; see `conv.tiling`."""
        from lgsim.kernels.conv import conv3d, tiling

        shape = replace(conv_shape(site), shared=False)  # it loads an input of its own
        if shape.flat:
            return tiling.global_schedule(shape, chip)
        return conv3d.global_schedule(shape, chip)


NOT_LOADED = WeightForm((0, 0, 0, 0), DType.I32)
"""Form of a constant that is merged into another one."""


def _merged_form(chip: Chip, shape: ConvShape) -> WeightForm:
    packed, _ = coefficient_bytes(chip, shape, shape.oc)
    return WeightForm((1, min(shape.oc, chip.lanes), 1, packed), DType.I8)
