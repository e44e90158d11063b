"""Ops that move elements by strided copies in global memory, and those that move nothing.

Vendor's layers (reference/commands and the byte totals of the ungrouped networks): a concatenation
or slice that is not contiguous, and each part of a rolled tensor, is one move; reshapes and
contiguous slices are views.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from lgsim.graph.core import Shape
from lgsim.graph.ops import Concat, Reshape, Slice, Squeeze, Unsqueeze
from lgsim.kernels.base import Kernel, Local, Work
from lgsim.kernels.commands.dma import output
from lgsim.kernels.commands.moves import copy, place
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.commands.vector import Emitter, reshaped
from lgsim.kernels.schedule import Instruction, Schedule, Step, Transfer
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import (
    KEEP_OUTER,
    Axis,
    Features,
    GroupType,
    Refusal,
    Rule,
    axis_dims,
    keeps_outer,
    shape_text,
)
from lgsim.kernels.views import axis_size
from lgsim.target.chip import Chip


def steps_of(transfers: Iterator[Transfer]) -> Schedule:
    """One step with all transfers; nothing if there are none."""
    commands = tuple(transfers)
    return (Step(commands),) if commands else ()


SQUEEZE_LOCAL = Rule("squeeze_local", "A Squeeze needs the feature squeeze_local.")
UNSQUEEZE_GLOBAL = Rule("no_local_form", "An Unsqueeze exists only as a global layer.")


class ViewKernel(Kernel, kinds=(Reshape, Squeeze, Unsqueeze)):
    """Nothing to do: the same elements under another shape."""

    rules = (KEEP_OUTER, SQUEEZE_LOCAL, UNSQUEEZE_GLOBAL)
    splits = "n and c"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """If n and lanes stay; an Unsqueeze never, a Squeeze only with its feature."""
        refusal = keeps_outer(site)
        if isinstance(site.attrs, Unsqueeze):
            return UNSQUEEZE_GLOBAL.refuse(
                "there is no local form of it",
                value=site.kind,
                limit="Reshape, Squeeze",
                lift="a Reshape to the same shape",
            )
        if isinstance(site.attrs, Squeeze) and not features.squeeze_local:
            return SQUEEZE_LOCAL.refuse(
                "without the feature squeeze_local no Squeeze has a local form",
                value=site.kind,
                limit="Reshape",
                lift=refusal.lift if refusal else "enable squeeze_local",
                feature=None if refusal else "squeeze_local",
            )
        return refusal

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """Those whose sizes change."""
        return frozenset(range(2, len(site.outputs[0].shape)))

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """A copy if the result is somewhere else."""
        del site
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        if x.span.address != y.span.address:
            emit.ar("copy", y, reshaped(x, y.shape))
        return emit.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """No commands."""
        del site, chip
        return ()


def slice_offset(attrs: Slice, shape: Shape) -> int | None:
    """First element of the slice if it is contiguous in a packed tensor of `shape`, else None."""
    sizes = [len(range(*b)) for b in zip(attrs.starts, attrs.ends, attrs.steps, strict=True)]
    cut = [i for i, size in enumerate(shape) if sizes[i] != size]
    if any(sizes[i] > 1 and attrs.steps[i] != 1 for i in range(len(shape))):
        return None
    if cut and prod(sizes[: cut[-1]]) != 1:
        return None
    return place(0, shape, attrs.starts).offset


MAX_CHANNELS = 65535
"""Largest dimension of one command (docs/chip.md §1)."""

SLICE_STEP = Rule("slice_step", "The step along dimension 1 is 1, and no step is negative.")
SLICE_CHANNELS = Rule("slice_channels", "Dimension 1 has at most 65,535 elements.")
SLICE_5D = Rule("slice_5d", "In 5-D only dimension 2 is cut, and only with the feature slice_5d.")


def _refuse_5d(source: Shape, result: Shape, cut: list[int], features: Features) -> Refusal:
    inner = cut in ([], [2])
    axes = " and ".join(map(str, cut)) or "none"
    if features.slice_5d:
        sentence = "a 5-D slice stays in its lanes only if nothing but dimension 2 is cut"
    else:
        sentence = "without the feature slice_5d no 5-D slice has a local form"
    return SLICE_5D.refuse(
        sentence,
        value=f"{shape_text(source)} is cut to {shape_text(result)} (dimension {axes})",
        limit="a cut of dimension 2" if features.slice_5d else "4 dimensions",
        lift="enable slice_5d" if inner else "slice before the permute (rewrite qkv_split)",
        feature="slice_5d" if inner else None,
    )


class SliceKernel(Kernel, kinds=(Slice,)):
    """A view if the slice is contiguous, else one strided move."""

    rules = (SLICE_STEP, SLICE_CHANNELS, SLICE_5D)
    splits = "axes that are not cut; h and w also if they are"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """If the elements stay in their lanes, or move to others by whole rows."""
        assert isinstance(site.attrs, Slice)
        source, result, steps = site.inputs[0].type.shape, site.outputs[0].shape, site.attrs.steps
        if min(steps) < 1 or (len(steps) > 2 and steps[1] != 1):
            return SLICE_STEP.refuse(
                "dimension 1 lies across the lanes, and every second lane cannot be picked",
                value=f"steps {', '.join(map(str, steps))}",
                limit="1 along dimension 1, none negative",
                lift="a Depth2Space or a strided convolution instead",
            )
        if len(source) > 2 and source[1] > MAX_CHANNELS:
            return SLICE_CHANNELS.refuse(
                "commands count channels in 16 bits",
                value=f"{source[1]:,} channels",
                limit=f"{MAX_CHANNELS:,}",
                lift="a reshape to fewer channels",
            )
        cut = [axis for axis, size in enumerate(source) if result[axis] != size]
        if len(source) < 5 or (features.slice_5d and cut in ([], [2])):
            return None
        return _refuse_5d(source, result, cut, features)

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """Where something is cut off, but for rows and columns, of which a slice reads more."""
        source, result = site.inputs[0].type.shape, site.outputs[0].shape
        kept = {3, 4} if len(source) == 5 else {2, 3}
        cut = {axis for axis, size in enumerate(source) if result[axis] != size}
        return frozenset(cut - kept)

    def input_slice(
        self, site: OpSite, index: int, axis: Axis, piece: tuple[int, int], group_type: GroupType
    ) -> tuple[int, int]:
        """The elements it picks along the axis; all of it if a step or a cut is mixed in."""
        attrs = site.attrs
        assert isinstance(attrs, Slice)
        shape = site.inputs[0].type.shape
        size = axis_size(shape, axis, group_type)
        if size == axis_size(site.outputs[0].shape, axis, group_type):
            return piece
        dims = axis_dims(shape, axis, group_type)
        if len(dims) != 1:
            return 0, size
        start, step = attrs.starts[dims[0]], attrs.steps[dims[0]]
        return start + piece[0] * step, (piece[1] - 1) * step + 1

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """A copy; channels that start in another lane than lane 0 are moved there afterwards.

        (reference/commands: Slice of efficientvit and deit.)
        """
        assert isinstance(site.attrs, Slice)
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        lane = site.attrs.starts[1] % chip.lanes if len(site.attrs.starts) > 1 else 0
        if lane:
            between = Local(y.shape, y.dtype, work.scratch or x.span)
            emit.ar("copy", between, reshaped(x, y.shape))
            emit.lane_copy(y, between)
        else:
            emit.ar("copy", y, reshaped(x, y.shape))
        return emit.done()

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """If lanes change, room for one batch element's channels up to the last one taken.

        (reference/plans: every Slice of efficientvit_m0.)
        """
        assert isinstance(site.attrs, Slice)
        if len(site.attrs.starts) < 2 or site.attrs.starts[1] % chip.lanes == 0:
            return 0
        _, _, h, w = work.outputs[0].shape
        return lane_bytes(chip, (1, site.attrs.ends[1], h, w), work.outputs[0].dtype)

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """The move."""
        assert isinstance(site.attrs, Slice)
        attrs, x, y = site.attrs, site.inputs[0].type, site.outputs[0]
        if y.elements == 0 or slice_offset(attrs, x.shape) is not None:
            return ()
        starts, steps = attrs.starts, attrs.steps
        # A reversed dimension is read from its first element on; only the order differs.
        first = [
            start if step > 0 else start + (size - 1) * step
            for start, step, size in zip(starts, steps, y.shape, strict=True)
        ]
        source = place(0, x.shape, first, [abs(step) for step in steps])
        return steps_of(copy(chip, x.dtype, y.shape, source, place(output(), y.shape)))


CONCAT_AXIS = Rule("concat_axis", "The axis is 1, 2 or 3.")


class ConcatKernel(Kernel, kinds=(Concat,)):
    """One move per operand, unless the operands are written in place (see `alias`)."""

    rules = (CONCAT_AXIS,)
    splits = "every axis but the one that is concatenated"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Along channels, rows or columns."""
        del features
        assert isinstance(site.attrs, Concat)
        if 1 <= site.attrs.axis <= 3:
            return None
        return CONCAT_AXIS.refuse(
            "operands are laid side by side within a batch element",
            value=f"axis {site.attrs.axis}",
            limit="1, 2 or 3",
            lift="another order of the dimensions",
        )

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """The axis along which the operands follow each other."""
        assert isinstance(site.attrs, Concat)
        return frozenset({site.attrs.axis})

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """One copy per operand; along channels, to the lane where the operand belongs.

        (reference/commands: Concat of unet512, yolov5s, efficientvit and deit.)
        """
        assert isinstance(site.attrs, Concat)
        emit = Emitter(chip)
        y, channel = work.outputs[0], 0
        for index in range(len(work.inputs)):
            x = work.input(index)
            lane = channel % chip.lanes if site.attrs.axis == 1 else 0
            target = Local(x.shape, y.dtype, y.span)
            if lane:
                emit.lane_copy(target, x, start_lane=lane)
            else:
                emit.ar("copy", target, x)
            channel += x.shape[1]
        return emit.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """The moves."""
        assert isinstance(site.attrs, Concat)
        if len(site.inputs) == 1:
            return ()
        return steps_of(self._moves(site, chip, site.attrs.axis))

    def _moves(self, site: OpSite, chip: Chip, axis: int) -> Iterator[Transfer]:
        y = site.outputs[0]
        start = 0
        for index, operand in enumerate(site.inputs):
            x = operand.type
            starts = [start if i == axis else 0 for i in range(len(y.shape))]
            target = place(output(), y.shape, starts)
            yield from copy(chip, y.dtype, x.shape, place(index, x.shape), target)
            start += x.shape[axis]
