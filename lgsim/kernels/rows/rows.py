"""Normalised rows: the instruction sequences."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.commands.vector import Emitter, reshaped
from lgsim.kernels.rows.softmax import reduce_rows
from lgsim.kernels.schedule import LmemSpan


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
