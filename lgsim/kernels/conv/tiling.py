"""Convolutions and deconvolutions alone: which tiles, in which order, in which buffers.

16-bit layers keep the whole input in local memory, if it fits, and walk over the output channels,
one round of lanes at a time, so that coefficients stream in and results stream out beside the
computation. If it does not fit, the coefficients stay and pieces of the batch, then of the rows,
stream. Int8 layers, whose coefficients are merged, and f32 layers take one image at a time and all
output channels if they fit, else the fewest blocks of channels, and read the input again for every
block. If whole images do not fit, f32 layers cut the rows below all coefficients, int8 ones below
one round of lanes. All buffers begin at a bank, and two of each are reserved. Inferred from bytes
and commands of the ungrouped networks (bytes of resnet18, resnet50 and yolov5s exact in f16 and
int8) and from the global layers of swin_t_f32 and swin_t_b8_int8; what is known to differ are the
3 × 3 layers of 512 channels in resnet18_f32, which stream coefficients like 16-bit ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.tiling import (
    Room,
    Tile,
    ceil_div,
    even_chunks,
    lane_bytes,
    local_at,
    pipeline,
    round_up,
    serial,
)
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.conv.coefficients import coefficient_bytes, coefficient_spans
from lgsim.kernels.conv.local import convolve
from lgsim.kernels.conv.transfers import ConvMoves, Part, Piece
from lgsim.kernels.schedule import Instruction, LmemSpan, Schedule, Transfer
from lgsim.kernels.window import ConvShape
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Cut:
    """How a layer is cut: pieces of batch, rows, columns and of a group's output channels.

    With `doubled`, tiles alternate between two copies of every buffer that is filled twice.
    """

    batch: tuple[Piece, ...]
    rows: tuple[Piece, ...]
    cols: tuple[Piece, ...]
    channels: tuple[Piece, ...]
    doubled: bool = True

    @property
    def images(self) -> int:
        """Number of input tiles of one group."""
        return len(self.batch) * len(self.rows) * len(self.cols)


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
        self.blocks = shape.oc if shape.depthwise else shape.group_oc
        self.channels_outer = shape.integer or shape.depthwise or shape.dtype.bits >= 32

    # -- sizes -----------------------------------------------------------------------------

    def input_shape(self, part: Part) -> tuple[int, int, int, int]:
        """(n, c, h, w) of the input of a tile."""
        shape = self.shape
        channels = part.channels[1] if shape.depthwise else shape.group_ic
        rows = shape.rows.needs(*part.rows)[1]
        return part.batch[1], channels, rows, shape.cols.needs(*part.cols)[1]

    def output_shape(self, part: Part) -> tuple[int, int, int, int]:
        """(n, c, h, w) of the result of a tile."""
        return part.batch[1], part.channels[1], part.rows[1], part.cols[1]

    def sizes(self, cut: Cut) -> tuple[int, int, int, int]:
        """Bytes per lane of input, coefficients, result (int32 sums lie there too) and scratch."""
        chip, shape = self.chip, self.shape
        part = next(self.parts(cut))
        sums = DType.I32 if shape.requant else shape.result
        out = lane_bytes(chip, self.output_shape(part), sums)
        packed, bias = coefficient_bytes(chip, shape, part.channels[1])
        scratch = Scratch(chip)
        convolve(Emitter(chip), scratch, shape, *self.work(part, _NOWHERE, _NOWHERE, _NOWHERE))
        n, c, _, _ = self.input_shape(part)
        rows, cols = shape.rows.most(cut.rows), shape.cols.most(cut.cols)
        x = lane_bytes(chip, (n, c, rows, cols), shape.dtype)
        return x, round_up(packed, chip.eu_bytes) + bias, out, scratch.used

    def work(self, part: Part, x: LmemSpan, weights: LmemSpan, out: LmemSpan) -> tuple[Work, Local]:
        """What the BDC sees of a tile whose buffers are given, and where its sums go."""
        shape = self.shape
        x_local = local_at(self.chip, self.input_shape(part), shape.dtype, x)
        packed, bias = coefficient_spans(self.chip, shape, part.channels[1], weights)
        coefficients = Local((1, part.channels[1], 1, 1), shape.dtype, packed, aligned=False)
        vector = None
        if bias is not None:
            vector = Local((1, part.channels[1], 1, 1), DType.F32, bias, aligned=False)
        sums_type = DType.I32 if shape.requant else shape.result
        sums = local_at(self.chip, self.output_shape(part), sums_type, out)
        result = local_at(self.chip, self.output_shape(part), shape.result, out)
        return Work((x_local, coefficients, vector), (result,)), sums

    def banks(self, cut: Cut) -> int:
        """Whole banks that the buffers of a cut take."""
        copies = self.copies(cut)
        x, weights, out, scratch = (
            ceil_div(nbytes, self.chip.bank_bytes) for nbytes in self.sizes(cut)
        )
        return copies[0] * x + copies[1] * weights + copies[2] * out + scratch

    def copies(self, cut: Cut) -> tuple[int, int, int]:
        """How many copies of the input, coefficient and result buffers there are.

        An integer layer reserves two of each even where it does not come to use the second.
        """
        if not cut.doubled:
            return 1, 1, 1
        if self.channels_outer:
            return 2, 2, 2
        images, tiles = cut.images * self.groups, len(cut.channels) * self.groups
        return min(2, images), min(2, tiles), min(2, images * len(cut.channels))

    # -- choice ----------------------------------------------------------------------------

    def choose(self) -> Cut:
        """The coarsest cut whose buffers fit in whole banks; else the smallest single-buffered."""
        for cut in self.candidates():
            if self.banks(cut) <= self.chip.banks:
                return cut
        return self.smallest()

    def candidates(self) -> Iterator[Cut]:
        """Cuts from coarse to fine; see the module's docstring."""
        shape, lanes = self.shape, self.chip.lanes
        rounds = ceil_div(self.blocks, lanes)
        rows = tuple(even_chunks(shape.rows.out, 1))
        cols = tuple(even_chunks(shape.cols.out, 1))
        whole = tuple(even_chunks(self.blocks, 1))
        thin = tuple(even_chunks(self.blocks, rounds, lanes))
        single = tuple(even_chunks(shape.n, shape.n))
        if self.channels_outer:
            for pieces in range(1, rounds + 1):
                yield Cut(single, rows, cols, tuple(even_chunks(self.blocks, pieces, lanes)))
            if not shape.integer:
                yield from self.row_cuts(single, whole)
        else:
            yield Cut(tuple(even_chunks(shape.n, 1)), rows, cols, thin)
            for pieces in range(2, shape.n + 1):
                yield Cut(tuple(even_chunks(shape.n, pieces)), rows, cols, whole)
            yield from self.row_cuts(single, whole)
        yield from self.row_cuts(single, thin)
        one_row = tuple(even_chunks(shape.rows.out, shape.rows.out))
        unit = self.chip.eu_num(shape.dtype)
        for pieces in range(2, ceil_div(shape.cols.out, unit) + 1):
            yield Cut(single, one_row, tuple(even_chunks(shape.cols.out, pieces, unit)), thin)

    def row_cuts(self, batch: tuple[Piece, ...], channels: tuple[Piece, ...]) -> Iterator[Cut]:
        """Ever more pieces of rows, as long as their heights differ."""
        size, cols = self.shape.rows.out, tuple(even_chunks(self.shape.cols.out, 1))
        for height in range(size - 1, 0, -1):
            pieces = ceil_div(size, height)
            if ceil_div(size, pieces) == height:
                yield Cut(batch, tuple(even_chunks(size, pieces)), cols, channels)

    def smallest(self) -> Cut:
        """The finest cut, without double buffering."""
        cut = list(self.candidates())[-1]
        rows = tuple(even_chunks(self.shape.rows.out, self.shape.rows.out))
        return replace(cut, rows=rows, doubled=False)

    def parts(self, cut: Cut) -> Iterator[Part]:
        """All tiles in order, the largest first."""
        images = [(b, r, c) for b in cut.batch for r in cut.rows for c in cut.cols]
        keep = not self.channels_outer and len(cut.channels) == 1 and self.groups == 1
        for group in range(self.groups):
            if self.channels_outer:
                for channels in cut.channels:
                    for index, (b, r, c) in enumerate(images):
                        yield Part(group, b, r, c, channels, True, index == 0)
                continue
            for image, (b, r, c) in enumerate(images):
                for index, channels in enumerate(cut.channels):
                    yield Part(group, b, r, c, channels, index == 0, not (keep and image))

    # -- commands --------------------------------------------------------------------------

    def schedule(self) -> Schedule:
        """Commands of the layer.

        Raises
        ------
        InfeasibleError
            If one row and one round of output channels do not fit local memory.
        """
        cut = self.choose()
        parts = list(self.parts(cut))
        buffers = self.place(cut)
        moves = ConvMoves(self.shape, self.chip)
        computed: dict[tuple[object, ...], tuple[Instruction, ...]] = {}
        tiles = []
        x_index = weight_index = -1
        for index, part in enumerate(parts):
            x_index += part.new_input
            weight_index += part.new_weights
            x = buffers.x[x_index % len(buffers.x)]
            weights = buffers.weights[weight_index % len(buffers.weights)]
            out = buffers.out[index % len(buffers.out)]
            key = (self.input_shape(part), self.output_shape(part), x, weights, out)
            if key not in computed:
                computed[key] = self.compute(part, x, weights, out, buffers.scratch)
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
        return Tile(tuple(loads), instructions, (moves.store(part, out),))

    def compute(
        self, part: Part, x: LmemSpan, weights: LmemSpan, out: LmemSpan, scratch: LmemSpan
    ) -> tuple[Instruction, ...]:
        """Instructions of one tile."""
        emitter = Emitter(self.chip)
        work, sums = self.work(part, x, weights, out)
        convolve(emitter, Scratch(self.chip, scratch), self.shape, work, sums)
        return emitter.done()

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
        If not even one row of one round of output channels fits.
    """
    return ConvTiler(shape, chip).schedule()
