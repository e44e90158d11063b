"""Normalised rows that are too long for a lane: in chunks, once for each statistic (inferred)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lgsim.errors import InfeasibleError
from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.commands.dma import load, output, store
from lgsim.kernels.commands.tiling import Tile, chunks, lane_bytes, pipeline
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.schedule import GmemBox, LmemSpan, Schedule, Transfer
from lgsim.target.chip import Chip

if TYPE_CHECKING:
    from lgsim.kernels.rows.rows import Rows


def long_schedule(chip: Chip, rows: Rows, what: str) -> Schedule:
    """The mean, then the variance, then the result; partial sums stay in local memory.

    Parameters
    ----------
    chip : Chip
        The chip.
    rows : Rows
        The rows.
    what : str
        Kind of the op, for the error.

    Raises
    ------
    InfeasibleError
        If local memory does not even hold chunks of one execution-unit row.
    """
    chunker = _Chunks(chip, rows, what)
    images = chunks(rows.count, rows.groups if rows.channels else rows.count)
    return pipeline(
        [
            tile
            for start, size in images
            for first, count in chunks(size, chip.lanes)
            for tile in chunker.passes(start + first, count)
        ]
    )


class _Chunks:
    """Buffers 0, 1 operand; 2, 3 result; 4 to 7 parameters; 8, 9 floats; 10 to 12 statistics.

    10 holds the mean, 11 the sum of squares and then the factor, 12 what a chunk adds.
    """

    def __init__(self, chip: Chip, rows: Rows, what: str) -> None:
        self.chip, self.rows = chip, rows
        room = chip.lmem_bytes - 3 * chip.eu_bytes
        wide = 32 // rows.dtype.bits
        self.unit = room // (4 + 4 + 2 * wide)
        self.unit -= self.unit % chip.eu_bytes
        if self.unit <= 0:
            raise InfeasibleError(
                f"rows of {rows.width} elements of {what} do not fit local memory",
                limit=f"{chip.lmem_bytes} bytes per lane",
                hint="use a chip with more local memory",
            )
        starts = [k * self.unit for k in range(8)]
        starts += [(8 + k * wide) * self.unit for k in range(2)]
        starts += [(8 + 2 * wide) * self.unit + k * chip.eu_bytes for k in range(3)]
        self.spans = [LmemSpan(k, address, 0) for k, address in enumerate(starts)]
        self.block = rows.width // rows.channels if rows.channels else 1
        self.count = 0

    def _local(self, index: int, shape: tuple[int, int, int, int], dtype: DType) -> Local:
        span = self.spans[index]
        nbytes = lane_bytes(self.chip, shape, dtype)
        return Local(shape, dtype, LmemSpan(span.buffer, span.address, nbytes))

    def passes(self, start: int, count: int) -> Iterator[Tile]:
        """All passes over rows `start` to `start` + `count`, one lane each."""
        length = self.unit * 8 // self.rows.dtype.bits
        if self.rows.channels:
            length = length // self.block * self.block or length
        for stage in range(0 if self.rows.centred else 1, 3):
            for first, width in chunks(self.rows.width, length):
                yield self._tile(stage, start, count, first, width)

    def _tile(self, stage: int, start: int, count: int, first: int, width: int) -> Tile:
        rows, chip, parity = self.rows, self.chip, self.count % 2
        self.count += 1
        shape = (1, count, width, 1)
        x = self._local(parity, shape, rows.dtype)
        box = self._box(0, start, first, shape)
        loads = [load(chip, box, rows.dtype, x.span)]
        emit = Emitter(chip)
        if stage < 2:
            self._statistic(emit, x, stage, first)
            return Tile(tuple(loads), emit.done())
        y = self._local(2 + parity, shape, rows.dtype)
        parameters: list[Local] = []
        for k in range(rows.affine):
            transfer, parameter = self._parameter(k, parity, start, count, first, width)
            loads.append(transfer)
            parameters.append(parameter)
        mean, factor = (self._local(k, (1, count, 1, 1), DType.F32) for k in (10, 11))
        if rows.centred:
            emit.ar("sub", y, x, mean)
        emit.ar("mul", y, y if rows.centred else x, factor)
        for name, parameter in zip(("mul", "add"), parameters, strict=False):
            emit.ar(name, y, y, parameter)
        target = self._box(output(), start, first, shape)
        return Tile(tuple(loads), emit.done(), (store(chip, target, rows.dtype, y.span),))

    def _statistic(self, emit: Emitter, x: Local, stage: int, first: int) -> None:
        wide = self._local(8, x.shape, DType.F32)
        square = self._local(9, x.shape, DType.F32)
        mean, sums, one = (
            self._local(k, (1, x.shape[1], 1, 1), DType.F32) for k in (10, 10 + stage, 12)
        )
        emit.ar("cast", wide, x)
        if stage == 1:
            if self.rows.centred:
                emit.ar("sub", wide, wide, mean)
            emit.ar("mul", square, wide, wide)
        emit.pool("avgpooling", one, square if stage else wide, (x.shape[2], 1))
        emit.ar("add", sums, *((sums, one) if first else (one,)))
        if stage == 1 and first + x.shape[2] == self.rows.width:
            emit.ar("add", sums, sums)
            emit.rsqrt(sums, sums)

    def _box(
        self, operand: int, start: int, first: int, shape: tuple[int, int, int, int]
    ) -> GmemBox:
        width = self.rows.width
        strides = (shape[1] * width, width, 1, 1)
        return GmemBox(operand, start * width + first, shape, strides)

    def _parameter(
        self, index: int, parity: int, start: int, count: int, first: int, width: int
    ) -> tuple[Transfer, Local]:
        rows = self.rows
        if rows.channels:
            channels = (first + width - 1) // self.block - first // self.block + 1
            shape = (1, count, channels, 1)
            offset = start % rows.groups * rows.channels + first // self.block
            strides = (count * rows.channels, rows.channels, 1, 1)
        else:
            shape, offset, strides = (1, 1, width, 1), first, (width, width, 1, 1)
        local = self._local(4 + 2 * index + parity, shape, rows.dtype)
        box = GmemBox(1 + index, offset, shape, strides)
        return load(self.chip, box, rows.dtype, local.span), local
