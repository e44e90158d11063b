"""Normalised rows alone: how they are tiled."""

from __future__ import annotations

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.commands.dma import load, output, store
from lgsim.kernels.commands.tiling import (
    Tile,
    ceil_div,
    chunks,
    lane_bytes,
    part,
    pipeline,
    round_up,
    serial,
)
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.rows.long_rows import long_schedule
from lgsim.kernels.rows.rows import NormBuffers, Rows, normalise
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule
from lgsim.target.chip import Chip


def normalised_schedule(chip: Chip, rows: Rows, what: str) -> Schedule:
    """Rows in tiles; one tile without double buffering if all of them fit.

    A tile takes at most one bank of 16-bit floats per buffer, or four banks of f32 as long as one
    tile does (reference/commands: LayerNorm of swin_t_f32 and of both int8 swins).
    """
    if rows.count * rows.width == 0:
        return ()
    half = rows.dtype.bits == 16
    row_bytes = rows.dtype.nbytes(round_up(rows.width, chip.eu_num(rows.dtype)))
    most = ceil_div(rows.count, chip.lanes) * row_bytes
    bank = chip.bank_bytes
    single = rows.channels == 0 and most <= (bank if half else chip.banks // 4 * bank)
    if single and _Tiler(chip, rows, most, 1).end <= chip.lmem_bytes:
        tiler = _Tiler(chip, rows, most, 1)
        return serial([tiler.tile(0, rows.count, 0)])
    unit = bank if half else 2 * bank
    while unit >= row_bytes and _Tiler(chip, rows, unit, 2).end > chip.lmem_bytes:
        unit = unit * 3 // 4 - unit * 3 // 4 % chip.eu_bytes
    if unit < row_bytes:
        return long_schedule(chip, rows, what)
    tiler = _Tiler(chip, rows, unit, 2)
    per_tile = min(unit // row_bytes * chip.lanes, chip.max_dim)
    images = [(0, rows.count)] if not rows.channels else chunks(rows.count, rows.groups)
    pieces = [
        (start + first, length)
        for start, size in images
        for first, length in chunks(size, per_tile)
    ]
    return pipeline([tiler.tile(*piece, i % 2) for i, piece in enumerate(pieces)])


class _Tiler:
    """Places the buffers of a tile of `unit` bytes, `copies` times what moves, and makes tiles."""

    def __init__(self, chip: Chip, rows: Rows, unit: int, copies: int) -> None:
        self.chip, self.rows, self.unit = chip, rows, unit
        self.end = 0
        self.buffers = 0
        wide = unit * 32 // rows.dtype.bits
        values = rows.channels * ceil_div(unit * 8 // rows.dtype.bits, rows.width)
        parameter = rows.dtype.nbytes(values or rows.width)
        stats = chip.eu_bytes * ceil_div(unit * 8 // rows.dtype.bits, rows.width)
        self.inputs = [self._place(unit) for _ in range(copies)]
        self.outputs = [self._place(unit) for _ in range(copies)]
        self.parameters = [
            [self._place(parameter) for _ in range(rows.affine)] for _ in range(copies)
        ]
        self.square = self._place(wide)
        self.wide = self._place(wide if rows.dtype.bits == 16 else chip.eu_bytes)
        self.stat, self.part = self._place(stats), self._place(stats)
        self.programs: dict[tuple[int, int], tuple[Instruction, ...]] = {}

    def _place(self, nbytes: int) -> LmemSpan:
        span = LmemSpan(self.buffers, self.end, nbytes)
        self.end += round_up(nbytes, self.chip.eu_bytes)
        self.buffers += 1
        return span

    def tile(self, start: int, count: int, parity: int) -> Tile:
        """Rows `start` to `start` + `count`."""
        rows, chip = self.rows, self.chip
        shape = (1, count, rows.width, 1)
        x, y = (
            Local(shape, rows.dtype, part(span, 0, lane_bytes(chip, shape, rows.dtype)))
            for span in (self.inputs[parity], self.outputs[parity])
        )
        boxes = [self._parameter_box(k, start, count) for k in range(rows.affine)]
        parameters = [
            Local(_dims(box.shape), rows.dtype, span)
            for box, span in zip(boxes, self.parameters[parity], strict=True)
        ]
        if (count, parity) not in self.programs:
            emit = Emitter(chip)
            wide, square = (Local(shape, DType.F32, span) for span in (self.wide, self.square))
            buffers = NormBuffers(wide, square, self.stat, self.part)
            normalise(emit, x, y, buffers, parameters, rows)
            self.programs[count, parity] = emit.done()
        strides = (rows.count * rows.width, rows.width, 1, 1)
        loads = [load(chip, GmemBox(0, start * rows.width, shape, strides), rows.dtype, x.span)]
        for box, parameter in zip(boxes, parameters, strict=True):
            loads.append(load(chip, box, rows.dtype, parameter.span))
        target = GmemBox(output(), start * rows.width, shape, strides)
        return Tile(
            tuple(loads),
            self.programs[count, parity],
            (store(chip, target, rows.dtype, y.span),),
        )

    def _parameter_box(self, index: int, start: int, count: int) -> GmemBox:
        rows = self.rows
        if not rows.channels:
            return GmemBox(1 + index, 0, (1, 1, rows.width, 1), (rows.width, rows.width, 1, 1))
        offset = start % rows.groups * rows.channels
        strides = (count * rows.channels, rows.channels, 1, 1)
        return GmemBox(1 + index, offset, (1, count, rows.channels, 1), strides)


def _dims(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    n, c, h, w = shape
    return n, c, h, w
