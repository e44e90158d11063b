"""Convolutions and deconvolutions alone: tiles, their order and their buffers.

All buffers begin at a bank, and two of each are reserved, unless only the smallest tile fits; how
a layer may be cut stands in `candidates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.tiling import (
    Room,
    Tile,
    lane_bytes,
    local_at,
    pipeline,
    round_up,
    serial,
)
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.conv.candidates import Candidates, Cut
from lgsim.kernels.conv.coefficients import coefficient_bytes, coefficient_spans
from lgsim.kernels.conv.local import accumulate, convolve
from lgsim.kernels.conv.transfers import ConvMoves, Part, block_shape
from lgsim.kernels.schedule import Instruction, LmemSpan, Schedule, Transfer
from lgsim.kernels.window import ConvShape
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Buffers:
    """Where inputs, coefficients, results and scratch lie."""

    x: tuple[LmemSpan, ...]
    weights: tuple[LmemSpan, ...]
    out: tuple[LmemSpan, ...]
    scratch: LmemSpan


class ConvTiler:
    """Tiles of one layer on one chip."""

    def __init__(self, shape: ConvShape, chip: Chip) -> None:
        self.shape = shape
        self.chip = chip
        self.groups = 1 if shape.depthwise else shape.groups
        blocks = shape.oc if shape.depthwise else shape.group_oc
        self.candidates = Candidates(shape, chip, blocks)

    # -- sizes -----------------------------------------------------------------------------

    def input_shape(self, part: Part) -> tuple[int, int, int, int]:
        """(n, c, h, w) of the input of a tile."""
        shape = self.shape
        channels = part.channels[1] if shape.depthwise else part.inputs[1]
        rows = shape.rows.needs(*part.rows)[1]
        return part.batch[1], channels, rows, shape.cols.needs(*part.cols)[1]

    def output_shape(self, part: Part) -> tuple[int, int, int, int]:
        """(n, c, h, w) of the result of a tile."""
        return part.batch[1], part.channels[1], part.rows[1], part.cols[1]

    def sums_type(self, part: Part) -> DType:
        """Element type that the cube leaves in the result's buffer."""
        if self.shape.requant:
            return DType.I32
        summed = part.inputs[1] < self.shape.group_ic and self.shape.dtype.is_float
        return DType.F32 if summed else self.shape.result

    def sizes(self, cut: Cut) -> tuple[int, int, int, int]:
        """Bytes per lane of input, coefficients, result (wider sums lie there too) and scratch."""
        chip, shape = self.chip, self.shape
        part = next(self.parts(cut))
        out = lane_bytes(chip, self.output_shape(part), self.sums_type(part))
        # Where products are added up, the last tile of a sum brings the bias.
        block = replace(block_shape(shape, part), bias=shape.bias)
        packed, bias = coefficient_bytes(chip, block, part.channels[1])
        # Where a layer is padded, the first tile may read less than others.
        widest = replace(part, rows=shape.rows.widest(cut.rows), cols=shape.cols.widest(cut.cols))
        scratch = self._scratch_bytes(part)
        if scratch and widest != part:
            scratch = max(scratch, self._scratch_bytes(widest))
        x = lane_bytes(chip, self.input_shape(widest), shape.dtype)
        return x, round_up(packed, chip.eu_bytes) + bias, out, scratch

    def _scratch_bytes(self, part: Part) -> int:
        scratch = Scratch(self.chip)
        self.emit(Emitter(self.chip), scratch, part, _NOWHERE, _NOWHERE, _NOWHERE)
        return scratch.used

    def fits(self, cut: Cut) -> bool:
        """Whether the buffers of a cut fit; those that are doubled take whole banks."""
        chip = self.chip
        unit = chip.bank_bytes if cut.doubled else chip.eu_bytes
        x, weights, out, scratch = (round_up(nbytes, unit) for nbytes in self.sizes(cut))
        copies = self.copies(cut)
        total = copies[0] * x + copies[1] * weights + copies[2] * out + scratch
        return total <= chip.lmem_bytes

    def copies(self, cut: Cut) -> tuple[int, int, int]:
        """How many copies of the input, coefficient and result buffers there are.

        An integer layer reserves two of each even where it does not come to use the second.
        """
        if not cut.doubled:
            return 1, 1, 1
        if cut.outer or cut.summed:
            return 2, 2, 2
        images, tiles = cut.images * self.groups, len(cut.channels) * self.groups
        return min(2, images), min(2, tiles), min(2, images * len(cut.channels))

    # -- choice ----------------------------------------------------------------------------

    def choose(self) -> Cut:
        """The coarsest cut whose buffers fit in whole banks, else the finest.

        Where that reads inputs or coefficients again and again, adding up pieces of the input
        channels is taken instead if it moves less than half of the bytes.
        """
        cut = self._first_that_fits(self.candidates)
        if cut is not None and (cut.images == 1 or len(cut.channels) == 1):
            return cut
        cut = cut or self.candidates.finest()
        summed = self._first_that_fits(self.candidates.summed())
        if summed is not None and (
            not self.fits(cut) or 2 * self.moved_bytes(summed) < self.moved_bytes(cut)
        ):
            return summed
        return cut

    def _first_that_fits(self, cuts: Iterable[Cut]) -> Cut | None:
        return next((cut for cut in cuts if self.fits(cut)), None)

    def moved_bytes(self, cut: Cut) -> int:
        """Bytes of a lane that all tiles load, as if all were as large as the first."""
        x, weights, _, _ = self.sizes(cut)
        parts = self.parts(cut)
        return sum(x * part.new_input + weights * part.new_weights for part in parts)

    def parts(self, cut: Cut) -> Iterator[Part]:
        """All tiles in order, the largest first."""
        images = [(b, r, c) for b in cut.batch for r in cut.rows for c in cut.cols]
        keep = not cut.outer and len(cut.channels) == 1 and self.groups == 1
        (whole, *rest) = cut.inputs
        for group in range(self.groups):
            if cut.outer or rest:
                for channels in cut.channels:
                    for index, image in enumerate(images):
                        new_weights = index == 0 or bool(rest)
                        for inputs in cut.inputs:
                            yield Part(group, *image, channels, inputs, True, new_weights)
                continue
            for count, image in enumerate(images):
                for index, channels in enumerate(cut.channels):
                    new_weights = not (keep and count)
                    yield Part(group, *image, channels, whole, index == 0, new_weights)

    # -- commands --------------------------------------------------------------------------

    def schedule(self) -> Schedule:
        """Commands of the layer.

        Raises
        ------
        InfeasibleError
            If one row of some input channels and one round of outputs do not fit local memory.
        """
        cut = self.choose()
        buffers = self.place(cut)
        moves = ConvMoves(self.shape, self.chip)
        computed: dict[tuple[object, ...], tuple[Instruction, ...]] = {}
        tiles = []
        x_index = weight_index = out_index = -1
        for part in self.parts(cut):
            x_index += part.new_input
            weight_index += part.new_weights
            out_index += part.inputs[0] == 0
            x = buffers.x[x_index % len(buffers.x)]
            weights = buffers.weights[weight_index % len(buffers.weights)]
            out = buffers.out[out_index % len(buffers.out)]
            last = part.is_last(self.shape)
            key = (self.input_shape(part), self.output_shape(part), x, weights, out, last)
            if key not in computed:
                emitter = Emitter(self.chip)
                self.emit(emitter, Scratch(self.chip, buffers.scratch), part, x, weights, out)
                computed[key] = emitter.done()
            tiles.append(self.tile(moves, part, x, weights, out, computed[key]))
        return pipeline(tiles) if cut.doubled else serial(tiles)

    def tile(
        self,
        moves: ConvMoves,
        part: Part,
        x: LmemSpan,
        weights: LmemSpan,
        out: LmemSpan,
        instructions: tuple[Instruction, ...],
    ) -> Tile:
        """Loads, instructions and the store of one tile; coefficients are loaded first."""
        loads: list[Transfer] = []
        if part.new_weights:
            loads += moves.load_weights(part, weights)
        if part.new_input:
            loads.append(moves.load_input(part, x))
        stores = (moves.store(part, out),) if part.is_last(self.shape) else ()
        return Tile(tuple(loads), instructions, stores)

    def emit(
        self,
        emitter: Emitter,
        scratch: Scratch,
        part: Part,
        x: LmemSpan,
        weights: LmemSpan,
        out: LmemSpan,
    ) -> None:
        """Append the instructions of one tile whose buffers are given."""
        chip, shape = self.chip, block_shape(self.shape, part)
        x_local = local_at(chip, self.input_shape(part), shape.dtype, x)
        packed, bias = coefficient_spans(chip, shape, part.channels[1], weights)
        coefficients = Local((1, part.channels[1], 1, 1), shape.dtype, packed, aligned=False)
        vector = None
        if bias is not None:
            vector = Local((1, part.channels[1], 1, 1), DType.F32, bias, aligned=False)
        sums = local_at(chip, self.output_shape(part), self.sums_type(part), out)
        result = local_at(chip, self.output_shape(part), shape.result, out)
        work = Work((x_local, coefficients, vector), (result,))
        if part.inputs[1] == self.shape.group_ic:
            convolve(emitter, scratch, shape, work, sums)
        else:
            accumulate(emitter, scratch, shape, work, sums, part.is_last(self.shape))

    def place(self, cut: Cut) -> Buffers:
        """Addresses of all buffers, from a bank each unless single-buffered."""
        room = Room(self.chip, "the smallest tile of a convolution")
        x, weights, out, scratch = self.sizes(cut)
        copies = self.copies(cut)

        def take(nbytes: int, count: int) -> tuple[LmemSpan, ...]:
            return tuple(room.take(nbytes, bank=cut.doubled) for _ in range(count))

        return Buffers(
            weights=take(weights, copies[1]),
            x=take(x, copies[0]),
            out=take(out, copies[2]),
            scratch=room.take(scratch, bank=cut.doubled),
        )


_NOWHERE = LmemSpan(-1, 0, 0)


def global_schedule(shape: ConvShape, chip: Chip) -> Schedule:
    """A 1-D or 2-D convolution or deconvolution alone.

    Raises
    ------
    InfeasibleError
        If not even one row of some input channels and one round of outputs fits.
    """
    return ConvTiler(shape, chip).schedule()
