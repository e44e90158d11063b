"""Pooling alone: which tiles, in which order, in which buffers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.dma import box, dense_strides, load, output, store
from lgsim.kernels.commands.tiling import (
    Room,
    Tile,
    ceil_div,
    even_chunks,
    half_pipeline,
    lane_bytes,
    local_at,
    pipeline,
    serial,
)
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.pool.passes import PoolShape, pool, pool_pass
from lgsim.kernels.pool.pieces import window_pieces
from lgsim.kernels.schedule import GmemBox, LmemSpan, Schedule
from lgsim.kernels.window import Slide
from lgsim.target.chip import Chip

Piece = tuple[int, int]


Box4 = tuple[int, int, int, int]


def row_averages(shape: PoolShape, chip: Chip) -> Schedule:
    """Int8 whole-plane averages: consecutive channels share a lane, a plane is a row.

    One image at a time, one buffer for the result (resnet18, resnet50 and swin_t_b8, int8).
    """
    per_lane, taps = shape.c // chip.lanes, shape.taps
    x_shape, out_shape = (1, chip.lanes, per_lane, taps), (1, chip.lanes, per_lane, 1)
    room = Room(chip, "one image of a pooling")
    spans = [room.take(lane_bytes(chip, x_shape, shape.dtype), bank=True) for _ in range(2)]
    out = room.local(out_shape, shape.result, bank=True)
    tiles = []
    for image in range(shape.n):
        x = Local(x_shape, shape.dtype, spans[image % 2])
        emitter = Emitter(chip)
        rows = replace(shape, rows=Slide(1, 1), cols=Slide(taps, 1, taps))
        pool_pass(emitter, rows, x, out, shape.dtype)
        source = box(0, (shape.n, *x_shape[1:]), (image, 0, 0, 0), x_shape)
        target = box(output(), (shape.n, *out_shape[1:]), (image, 0, 0, 0), out_shape)
        tiles.append(
            Tile(
                (load(chip, source, shape.dtype, x.span),),
                emitter.done(),
                (store(chip, target, shape.result, out.span),),
            )
        )
    return half_pipeline(tiles)


@dataclass(frozen=True, slots=True)
class Cut:
    """Pieces of batch, channels and rows; `doubled`: buffers alternate."""

    batch: tuple[Piece, ...]
    channels: tuple[Piece, ...]
    rows: tuple[Piece, ...]
    doubled: bool


class PoolTiler:
    """Tiles of one pooling on one chip; 3-D windows make one output depth per tile."""

    def __init__(self, shape: PoolShape, chip: Chip) -> None:
        self.shape = shape
        self.chip = chip
        self.spatial = shape.depth.kernel > 1 or shape.depth.out > 1 or shape.depth.size > 1
        sizes = (shape.depth.size, shape.rows.size, shape.cols.size)
        outs = (shape.depth.out, shape.rows.out, shape.cols.out)
        self.x_strides = dense_strides((shape.n, shape.c, *sizes))
        self.out_strides = dense_strides((shape.n, shape.c, *outs))

    def shapes(self, batch: int, channels: int, rows: Piece) -> tuple[Box4, Box4]:
        """(n, c, h, w) of the largest input and of the result of a tile."""
        shape = self.shape
        planes = shape.depth.kernel if self.spatial else batch
        height = shape.rows.needs(*rows)[1]
        x = (planes, channels, height, shape.cols.size)
        return x, (batch, channels, rows[1], shape.cols.out)

    def sizes(self, cut: Cut) -> tuple[int, int, int]:
        """Bytes per lane of input, result and scratch."""
        chip, shape = self.chip, self.shape
        x, out = self.shapes(cut.batch[0][1], cut.channels[0][1], cut.rows[0])
        x = (*x[:2], shape.rows.most(cut.rows), x[3])
        scratch = Scratch(chip)
        nowhere = LmemSpan(-1, 0, 0)
        work = Work((Local(x, shape.dtype, nowhere),), (Local(out, shape.result, nowhere),))
        pool(Emitter(chip), scratch, shape, work)
        return (
            lane_bytes(chip, x, shape.dtype),
            lane_bytes(chip, out, shape.result),
            scratch.used,
        )

    def candidates(self) -> Iterator[Cut]:
        """From coarse to fine."""
        shape, lanes = self.shape, self.chip.lanes
        channels = tuple(even_chunks(shape.c, 1))
        rows = tuple(even_chunks(shape.rows.out, 1))
        batch = tuple(even_chunks(shape.n, shape.n if self.spatial else 1))
        yield Cut(batch, channels, rows, doubled=len(batch) * shape.depth.out > 1)
        if not self.spatial:
            for pieces in range(2, shape.n + 1):
                yield Cut(tuple(even_chunks(shape.n, pieces)), channels, rows, doubled=True)
        batch = tuple(even_chunks(shape.n, shape.n))
        turns = ceil_div(shape.c, lanes)
        for pieces in range(2, turns + 1):
            yield Cut(batch, tuple(even_chunks(shape.c, pieces, lanes)), rows, doubled=True)
        channels = tuple(even_chunks(shape.c, turns, lanes))
        for pieces in range(2, shape.rows.out + 1):
            yield Cut(batch, channels, tuple(even_chunks(shape.rows.out, pieces)), doubled=True)
        thin = tuple(even_chunks(shape.rows.out, shape.rows.out))
        yield Cut(batch, channels, thin, doubled=False)

    def choose(self) -> Cut | None:
        """The first candidate that fits in whole banks, or the last if it fits at all."""
        bank = self.chip.bank_bytes
        for cut in self.candidates():
            x, out, scratch = (ceil_div(nbytes, bank) for nbytes in self.sizes(cut))
            copies = 2 if cut.doubled else 1
            if copies * (x + out) + scratch <= self.chip.banks:
                return cut
        return (
            cut if sum(self.sizes(cut)) + 2 * self.chip.eu_bytes <= self.chip.lmem_bytes else None
        )

    def schedule(self) -> Schedule:
        """Commands of the layer.

        Raises
        ------
        InfeasibleError
            If one row of one round of channels does not fit local memory.
        """
        cut = self.choose()
        if cut is None:
            return window_pieces(self.shape, self.chip)
        room = Room(self.chip, "the smallest tile of a pooling")
        x, out, scratch_bytes = self.sizes(cut)
        copies = 2 if cut.doubled else 1
        xs = [room.take(x, bank=cut.doubled) for _ in range(copies)]
        outs = [room.take(out, bank=cut.doubled) for _ in range(copies)]
        scratch = room.take(scratch_bytes, bank=cut.doubled)
        tiles: list[Tile] = []
        for batch in cut.batch:
            for depth in range(self.shape.depth.out):
                for channels in cut.channels:
                    for rows in cut.rows:
                        spans = xs[len(tiles) % copies], outs[len(tiles) % copies], scratch
                        tiles.append(self.tile(batch, depth, channels, rows, *spans))
        return pipeline(tiles) if cut.doubled else serial(tiles)

    def tile(
        self,
        batch: Piece,
        depth: int,
        channels: Piece,
        rows: Piece,
        x_span: LmemSpan,
        out_span: LmemSpan,
        scratch: LmemSpan,
    ) -> Tile:
        """One tile; windows partly in the depth padding read the planes that exist."""
        shape, chip = self.shape, self.chip
        x_shape, out_shape = self.shapes(batch[1], channels[1], rows)
        first, planes = shape.depth.needs(depth, 1)
        step = shape.depth.dilation if self.spatial else 1
        count = ceil_div(planes, step) if self.spatial else batch[1]
        x_shape = (count, *x_shape[1:])
        x = local_at(chip, x_shape, shape.dtype, x_span)
        out = local_at(chip, out_shape, shape.result, out_span)
        emitter = Emitter(chip)
        work = Work((x,), (out,))
        sized = replace(shape, depth=replace(shape.depth, kernel=count)) if self.spatial else shape
        pool(emitter, Scratch(chip, scratch), sized, work)
        n, c, d, h, w = self.x_strides
        start = batch[0] * n + channels[0] * c + first * d + shape.rows.needs(*rows)[0] * h
        source = GmemBox(0, start, x_shape, (d * step if self.spatial else n, c, h, w))
        n, c, d, h, w = self.out_strides
        start = batch[0] * n + channels[0] * c + depth * d + rows[0] * h
        target = GmemBox(output(), start, out_shape, (n, c, h, w))
        return Tile(
            (load(chip, source, shape.dtype, x.span),),
            emitter.done(),
            (store(chip, target, shape.result, out.span),),
        )
