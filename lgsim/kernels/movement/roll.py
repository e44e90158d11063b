"""Rolls and repetitions: several strided copies of one tensor."""

from __future__ import annotations

from itertools import product

from lgsim.graph.ops import SwapDimInner, Tile
from lgsim.kernels.base import Kernel, Local, Work
from lgsim.kernels.commands.dma import output
from lgsim.kernels.commands.moves import Place, copy, place
from lgsim.kernels.commands.vector import Emitter, reshaped
from lgsim.kernels.movement.movement import steps_of
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Features, Refusal, Rule, shape_text
from lgsim.target.chip import Chip

ROLL_4D = Rule("roll_4d", "The tensor has at most four dimensions.")


class RollKernel(Kernel, kinds=(SwapDimInner,)):
    """One move per part: two for each dimension that is rolled.

    In a group (reference/commands: swin) channels go to their new lanes by lane copies, rows and
    columns by copies. Lane copies take one image each. The vendor's kernel goes through all images
    of the batch for every slice (swin_t_b8_f16: eight per slice of four), and so does this one.
    """

    rules = (ROLL_4D,)
    splits = "axes that are not rolled"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Up to four dimensions."""
        del features
        shape = site.outputs[0].shape
        if len(shape) <= 4:
            return None
        return ROLL_4D.refuse(
            "parts are copied as (n, c, h, w)",
            value=shape_text(shape),
            limit="4 dimensions",
            lift="merge neighbouring dimensions",
        )

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """What is rolled."""
        assert isinstance(site.attrs, SwapDimInner)
        return frozenset(axis for axis, offset in enumerate(site.attrs.offsets) if offset)

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """Two copies per rolled dimension, through the scratch if there are two of them."""
        assert isinstance(site.attrs, SwapDimInner)
        emit = Emitter(chip)
        source, y = work.input(0), work.outputs[0]
        images = site.outputs[0].shape[0]
        rolled = [axis for axis, offset in enumerate(site.attrs.offsets) if offset]
        for number, axis in enumerate(rolled):
            last = number == len(rolled) - 1
            target = y if last else Local(y.shape, y.dtype, work.scratch or y.span)
            offset = site.attrs.offsets[axis]
            sizes = (offset, y.shape[axis] - offset) if axis < 4 else (0, 0)
            for size in sizes:
                shape = list(y.shape)
                shape[axis] = size
                piece = (images if axis else size, shape[1], shape[2], shape[3])
                if axis == 1:
                    start = sizes[1] if size == sizes[0] else 0
                    image = reshaped(target, (1, *piece[1:]))
                    for _ in range(images):
                        emit.lane_copy(image, source, start_lane=start % chip.lanes)
                else:
                    emit.ar("copy", reshaped(target, piece), reshaped(source, piece))
            source = target
        return emit.done()

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """A second copy if two dimensions are rolled."""
        assert isinstance(site.attrs, SwapDimInner)
        return work.outputs[0].span.nbytes if sum(map(bool, site.attrs.offsets)) > 1 else 0

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """The moves."""
        assert isinstance(site.attrs, SwapDimInner)
        x, offsets = site.inputs[0].type, site.attrs.offsets
        if not any(offsets):
            return ()
        parts = [
            [(0, size, 0)]
            if not offset
            else [(offset, size - offset, 0), (0, offset, size - offset)]
            for size, offset in zip(x.shape, offsets, strict=True)
        ]
        return steps_of(
            transfer
            for pieces in product(*parts)
            for transfer in copy(
                chip,
                x.dtype,
                tuple(size for _, size, _ in pieces),
                place(0, x.shape, [start for start, _, _ in pieces]),
                place(output(), x.shape, [target for _, _, target in pieces]),
            )
        )


class TileKernel(Kernel, kinds=(Tile,)):
    """Moves that read the same elements again, with a stride of 0 (inferred)."""

    why_global = "repeated elements go to other lanes and slices than the one they come from"

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """One command per four dimensions; nothing if nothing repeats."""
        assert isinstance(site.attrs, Tile)
        x, repeats = site.inputs[0].type, site.attrs.repeats
        if all(repeat == 1 for repeat in repeats):
            return ()
        near, far = place(0, x.shape), place(output(), site.outputs[0].shape)
        shape: list[int] = []
        sources: list[int] = []
        targets: list[int] = []
        for size, repeat, s, t in zip(x.shape, repeats, near.strides, far.strides, strict=True):
            shape += [repeat, size]
            sources += [0, s]
            targets += [t * size, t]
        source = Place(0, 0, tuple(sources))
        return steps_of(
            copy(chip, x.dtype, tuple(shape), source, Place(output(), 0, tuple(targets)))
        )
