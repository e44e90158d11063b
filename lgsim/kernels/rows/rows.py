"""Normalised rows: the instruction sequences, and how rows are tiled when the op runs alone."""

from __future__ import annotations

from dataclasses import dataclass

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
from lgsim.kernels.commands.vector import Emitter, reshaped
from lgsim.kernels.rows.long_rows import long_schedule
from lgsim.kernels.rows.softmax import reduce_rows
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Rows:
    """`count` rows of `width` elements, each normalised by itself.

    Attributes
    ----------
    centred : bool
        Whether the mean is subtracted.
    channels : int
        Blocks of a row with a scale and a bias of their own; 0 if every element has its own, the
        same in all rows.
    groups : int
        After how many rows scale and bias repeat, if there are channels.
    affine : int
        How many of scale and bias there are.
    """

    dtype: DType
    count: int
    width: int
    centred: bool = True
    channels: int = 0
    groups: int = 1
    affine: int = 2


@dataclass(frozen=True, slots=True)
class NormBuffers:
    """Registers of a normalisation; `wide` and `square` hold 32-bit floats."""

    wide: Local
    square: Local
    stat: LmemSpan
    part: LmemSpan


def normalise(
    emit: Emitter, x: Local, y: Local, r: NormBuffers, parameters: list[Local], rows: Rows
) -> None:
    """One tile alone: rows (1, c, width, 1); x is overwritten by x − mean."""
    half = x.dtype.bits == 16
    n, c = x.shape[:2]
    total = Local((n, c, 1, 1), DType.F32, r.stat)
    stat = Local((n, c, 1, 1), x.dtype, r.stat)
    spare = Local((n, c, 1, 1), DType.F32, r.part)
    kernel = (x.shape[2] * x.shape[3], 1)
    if rows.centred:
        if half:
            emit.ar("cast", r.wide, x)
        emit.pool("avgpooling", spare if half else total, r.wide if half else x, kernel)
        if half:
            emit.ar("cast", stat, spare)
        emit.ar("sub", x, x, stat)
    if half:
        emit.ar("cast", r.wide, x)
    source = r.wide if half else x
    emit.ar("mul", r.square, source, source)
    unit = emit.chip.eu_num(DType.F32)
    if half or kernel[0] % unit:
        emit.pool("avgpooling", total, r.square, kernel)
        emit.ar("add", spare, total)
        total = spare
    else:
        shape = (n, c, 1, kernel[0])
        reduce_rows(emit, "avgpooling", reshaped(r.square, shape), r.part, total)
        emit.ar("add", total, total)
    emit.rsqrt(total, total)
    emit.select("sel_eq", total, total)
    if half:
        emit.ar("cast", stat, total)
    emit.ar("mul", y, stat if half else total, x)
    for name, parameter in zip(("mul", "add"), parameters, strict=False):
        if parameter.shape[1] == 1:
            emit.lane_broadcast(parameter)
        emit.ar(name, y, parameter, y)


def normalise_slice(
    emit: Emitter, x: Local, y: Local, r: NormBuffers, parameters: list[Local], rows: Rows
) -> None:
    """One slice of a group: x stays, and y holds x − mean in between.

    A plane with w > 1 has a row of w elements per h; else the plane is the row.
    """
    half = x.dtype.bits == 16
    n, c, h, w = x.shape
    counts = (n, c, h, 1) if w > 1 else (n, c, 1, 1)
    total, stat = (Local(counts, dtype, r.stat) for dtype in (DType.F32, x.dtype))
    spare = Local(counts, DType.F32, r.part)

    def reduce(source: Local, out: Local) -> None:
        if w > 1:
            emit.pool("avgpooling", out, source, (1, w))
        elif h % emit.chip.eu_num(source.dtype):
            emit.pool("avgpooling", out, source, (h, 1))
        else:
            reduce_rows(emit, "avgpooling", reshaped(source, (n, c, 1, h)), r.wide.span, out)

    centred = x
    if rows.centred:
        reduce(x, stat)
        emit.ar("sub", y, x, stat)
        centred = y
    if half:
        emit.ar("cast", r.wide, centred)
    source = r.wide if half else centred
    emit.ar("mul", r.square, source, source)
    reduce(r.square, total)
    root = spare if half else total
    emit.ar("add", root, total)
    emit.rsqrt(root, root)
    emit.select("sel_eq", root, root)
    if half:
        emit.ar("cast", stat, root)
    emit.ar("mul", y, stat, centred)
    between = Local(y.shape, y.dtype, r.wide.span)
    for name, parameter, out in zip(("mul", "add"), parameters, (between, y), strict=False):
        if parameter.shape[1] == 1:
            emit.lane_broadcast(parameter)
        emit.ar(name, out, parameter, y if out is between else between)


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
