"""Normalisations: rows with their own mean and variance, over the lanes.

LayerNorm as in the vendor's commands (16 instructions for 16-bit floats, 13 or 14 for f32); the
others by the same sequence with other rows: RMSNorm leaves the mean out, GroupNorm and
InstanceNorm have a row per group or channel and scale by channel.
"""

from __future__ import annotations

from math import prod

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from lgsim.kernels.base import Kernel, WeightForm, Work
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.rows.rows import NormBuffers, Rows, normalise_slice
from lgsim.kernels.rows.tiles import normalised_schedule
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Features, Refusal, Rule, shape_text
from lgsim.target.chip import Chip

NORM_AXIS = Rule("norm_axis", "Axis 0 is not normalised.")
RMS_AXIS = Rule("rms_axis", "An RMSNorm normalises the last axis only.")


class NormKernel(Kernel, kinds=(LayerNorm, RMSNorm, GroupNorm, InstanceNorm)):
    """Rows of what is normalised together."""

    rules = (NORM_AXIS, RMS_AXIS)
    splits = "axes in front of those normalised; n for GroupNorm, n and c for InstanceNorm"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Not over the batch; RMSNorm over the last axis only."""
        del features
        attrs, rank = site.attrs, len(site.outputs[0].shape)
        if not isinstance(attrs, LayerNorm | RMSNorm):
            return None
        text = f"axis {attrs.axis} of {shape_text(site.outputs[0].shape)}"
        if attrs.axis == 0:
            return NORM_AXIS.refuse(
                "the whole tensor would be one slice", value=text, limit="axis 1 and up"
            )
        if isinstance(attrs, RMSNorm) and attrs.axis != rank - 1:
            return RMS_AXIS.refuse(
                "several axes are only normalised together by a LayerNorm",
                value=text,
                limit="the last axis",
                lift="a reshape that merges the axes",
            )
        return None

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """What is normalised together."""
        attrs, rank = site.attrs, len(site.outputs[0].shape)
        if isinstance(attrs, LayerNorm | RMSNorm):
            return frozenset(range(attrs.axis, rank))
        return frozenset(range(1 if isinstance(attrs, GroupNorm) else 2, rank))

    def rows(self, site: OpSite) -> Rows:
        """The rows of the op."""
        attrs, x = site.attrs, site.inputs[0].type
        affine = len(site.inputs) - 1
        if isinstance(attrs, LayerNorm | RMSNorm):
            count = prod(x.shape[: attrs.axis])
            centred = isinstance(attrs, LayerNorm)
            return Rows(x.dtype, count, prod(x.shape[attrs.axis :]), centred, affine=affine)
        n, c = x.shape[:2]
        groups = attrs.groups if isinstance(attrs, GroupNorm) else c
        width = c // groups * prod(x.shape[2:])
        return Rows(x.dtype, n * groups, width, True, c // groups, groups, affine)

    def _slice(self, site: OpSite, emit: Emitter, work: Work, scratch: Scratch) -> None:
        x, y = work.input(0), work.outputs[0]
        counts = (*x.shape[:2], x.shape[2] if x.shape[3] > 1 else 1, 1)
        small = lane_bytes(emit.chip, counts, DType.F32)
        stat, part = scratch.take(small), scratch.take(small)
        square = scratch.like(x, DType.F32)
        wide = scratch.like(x, DType.F32) if x.dtype.bits < 32 else square
        parameters = [local for local in work.inputs[1:] if local is not None]
        buffers = NormBuffers(wide, square, stat, part)
        normalise_slice(emit, x, y, buffers, parameters, self.rows(site))

    def weight_form(self, site: OpSite, chip: Chip, index: int) -> WeightForm | None:
        """One row of a row's parameters, or one parameter per channel; packed."""
        del chip
        parameter = site.inputs[index].type
        rows = self.rows(site)
        if rows.channels:
            return WeightForm((1, parameter.elements, 1, 1), parameter.dtype)
        return WeightForm((1, 1, parameter.elements, 1), parameter.dtype)

    def even_channels(self, site: OpSite) -> tuple[int, ...]:
        """The operand: rows lie over the lanes."""
        del site
        return (0,)

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """A copy as floats for the squares, one for narrower operands, and the statistics."""
        scratch = Scratch(chip)
        self._slice(site, Emitter(chip), work, scratch)
        return scratch.used

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """One slice; what is normalised together is a plane, or a row of it if w > 1."""
        emit = Emitter(chip)
        self._slice(site, emit, work, Scratch(chip, work.scratch))
        return emit.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Rows over the lanes."""
        return normalised_schedule(chip, self.rows(site), site.kind)
