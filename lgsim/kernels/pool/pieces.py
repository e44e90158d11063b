"""Pooling alone with windows too large for local memory: piece by piece, partial results joined.

Inferred: no recorded network has such a window. Global pooling of large images comes to this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lgsim.kernels.commands.dma import dense_strides, load, output, store
from lgsim.kernels.commands.tiling import Room, Tile, chunks, lane_bytes, local_at, pipeline
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.pool.passes import PoolShape, pool_pass
from lgsim.kernels.schedule import GmemBox, Schedule
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows `first` … of one plane, `taps` of which the window reads."""

    plane: int
    first: int
    taps: int


def window_pieces(shape: PoolShape, chip: Chip) -> Schedule:
    """One row of results of one round of channels at a time; a tile brings a piece of its window.

    Raises
    ------
    InfeasibleError
        If one row of one round of channels does not fit local memory.
    """
    lanes = min(shape.c, chip.lanes)
    row = (1, lanes, 1, shape.cols.out)
    room = Room(chip, "one row of a pooling")
    sums = [room.take(lane_bytes(chip, row, shape.result)) for _ in range(2)]
    partial = room.local(row, shape.result)
    taps = _taps_per_piece(shape, chip, chip.lmem_bytes - room.end)
    height = (taps - 1) * shape.rows.dilation + 1
    spans = room.pair(lane_bytes(chip, (1, lanes, height, shape.cols.size), shape.dtype))
    tiles: list[Tile] = []
    for number, (image, channels, depth, line) in enumerate(_results(shape, chip)):
        out_shape = (1, channels[1], 1, shape.cols.out)
        total = local_at(chip, out_shape, shape.result, sums[number % 2])
        other = local_at(chip, out_shape, shape.result, partial.span)
        pieces = _pieces(shape, depth, line, taps)
        for index, piece in enumerate(pieces):
            rows = (piece.taps - 1) * shape.rows.dilation + 1
            x_shape = (1, channels[1], rows, shape.cols.size)
            x = local_at(chip, x_shape, shape.dtype, spans[len(tiles) % 2])
            emitter = Emitter(chip)
            window = replace(shape, rows=replace(shape.rows, kernel=piece.taps))
            pool_pass(emitter, window, x, other if index else total, shape.dtype)
            if index:
                emitter.ar("max" if shape.mode == "max" else "add", total, total, other)
            last = index == len(pieces) - 1
            if last and shape.relu:
                emitter.ar("relu", total, total)
            source = _source(shape, image, channels[0], piece, x_shape)
            target = _target(shape, image, channels[0], depth, line, out_shape)
            stores = (store(chip, target, shape.result, total.span),) if last else ()
            loads = (load(chip, source, shape.dtype, x.span),)
            tiles.append(Tile(loads, emitter.done(), stores))
    return pipeline(tiles)


def _taps_per_piece(shape: PoolShape, chip: Chip, free_bytes: int) -> int:
    """Rows of a window that fit twice into the free bytes; at least one."""
    lanes = min(shape.c, chip.lanes)
    taps = shape.rows.kernel
    while taps > 1:
        height = (taps - 1) * shape.rows.dilation + 1
        piece = lane_bytes(chip, (1, lanes, height, shape.cols.size), shape.dtype)
        if 2 * piece + chip.eu_bytes <= free_bytes:
            break
        taps -= max(1, taps // 16)
    return taps


def _results(shape: PoolShape, chip: Chip) -> Iterator[tuple[int, tuple[int, int], int, int]]:
    """(image, channels, output depth, output row) of every row of results."""
    for image in range(shape.n):
        for channels in chunks(shape.c, chip.lanes):
            for depth in range(shape.depth.out):
                for line in range(shape.rows.out):
                    yield image, channels, depth, line


def _pieces(shape: PoolShape, depth: int, line: int, taps: int) -> list[_Piece]:
    """The parts of one window that lie in the input; a window of padding reads one row."""
    planes = [plane for plane in shape.depth.sources(depth) if plane is not None]
    rows = [row for row in shape.rows.sources(line) if row is not None]
    return [
        _Piece(plane, (rows or [0])[start], length)
        for plane in planes or [0]
        for start, length in chunks(len(rows) or 1, taps)
    ]


def _source(
    shape: PoolShape, image: int, channel: int, piece: _Piece, box: tuple[int, int, int, int]
) -> GmemBox:
    sizes = (shape.n, shape.c, shape.depth.size, shape.rows.size, shape.cols.size)
    n, c, d, h, w = dense_strides(sizes)
    offset = image * n + channel * c + piece.plane * d + piece.first * h
    return GmemBox(0, offset, box, (n, c, h, w))


def _target(
    shape: PoolShape,
    image: int,
    channel: int,
    depth: int,
    line: int,
    box: tuple[int, int, int, int],
) -> GmemBox:
    sizes = (shape.n, shape.c, shape.depth.out, shape.rows.out, shape.cols.out)
    n, c, d, h, w = dense_strides(sizes)
    return GmemBox(output(), image * n + channel * c + depth * d + line * h, box, (n, c, h, w))
