"""Pooling over windows, 1-D to 3-D: what may be local, and how it runs, in slices and alone."""

from __future__ import annotations

from lgsim.graph.ops import Pool
from lgsim.kernels.base import Kernel, Work
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.pool.passes import pool, pool_shape
from lgsim.kernels.pool.tiling import PoolTiler, row_averages
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Axis, Features, GroupType, Refusal, Rule
from lgsim.target.chip import Chip

LARGEST_ROW_WINDOW = 255
"""Widest window of one row; inferred: int8 planes of 7 × 7 are pooled as rows, 34 × 60 are not."""


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
        shape = pool_shape(site)
        dense = shape.c % chip.lanes == 0 and shape.taps <= LARGEST_ROW_WINDOW
        if shape.whole and dense and not shape.dtype.is_float and shape.mode == "avg":
            return row_averages(shape, chip)
        return PoolTiler(shape, chip).schedule()
