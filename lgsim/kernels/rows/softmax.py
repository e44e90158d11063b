"""Softmax: maximum, exponential, sum and division along one axis.

The vendor reduces rows by pooling, first to one execution-unit row and then to one element, on
rows padded to whole execution-unit rows; the sum is taken in 32-bit floats (reference/commands:
23 instructions alone, 25 and more in a group).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from lgsim.errors import InfeasibleError
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Softmax
from lgsim.kernels.base import Kernel, Local, Work
from lgsim.kernels.commands.dma import load, output, store
from lgsim.kernels.commands.series import TABLE_BYTES, exponential
from lgsim.kernels.commands.tiling import Tile, ceil_div, chunks, lane_bytes, pipeline, round_up
from lgsim.kernels.commands.vector import Emitter, Scratch, reshaped
from lgsim.kernels.elementwise.functions import RECIPES, Registers
from lgsim.kernels.rows.lines import Line, LineProgram, Lines, LineTiler
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Step
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Features, Refusal, Rule, shape_text
from lgsim.target.chip import Chip

ALL_TABLES_BYTES = 896
"""What a Softmax in a group reserves for tables (reference/plans: deit, swin; all the same)."""


@dataclass(frozen=True, slots=True)
class RowBuffers:
    """What a softmax of rows works with.

    `padded` holds the operand with room for whole execution-unit rows, `wide` the exponentials as
    32-bit floats (the same as `result` if they need no cast and no room), `part` and `stat`
    partial and final results of reductions; `shifted`, `power`, `a` and `b` have the shape of the
    operand; `result` is where the exponentials go, `power` or `a`.
    """

    padded: Local
    shifted: Local
    power: Local
    result: Local
    a: Local
    b: Local
    wide: Local
    part: LmemSpan
    stat: LmemSpan
    table: LmemSpan


def reduce_rows(emit: Emitter, name: str, x: Local, part: LmemSpan, out: Local) -> None:
    """Pool rows of x to one element each: over whole execution-unit rows, then over one of them.

    With several rows in a plane (h > 1) every round over the lanes is a command of its own.
    """
    chip = emit.chip
    unit = chip.eu_num(x.dtype)
    n, c, h, w = x.shape
    steps = ceil_div(w, unit)
    partial = Local((n, c, h, unit), x.dtype, part)
    for channels in [c] if h == 1 else [count for _, count in chunks(c, chip.lanes)]:
        target = reshaped(partial, (n * h, channels, 1, unit))
        emit.pool(name, target, x, (steps, 1))
    emit.pool(name, out, partial, (1, unit))


def pad_rows(emit: Emitter, x: Local, width: int) -> None:
    """Fill rows of `width` up to whole execution-unit rows with a neutral constant."""
    n, c, h, w = x.shape
    rest = round_up(w, emit.chip.eu_num(x.dtype)) - width
    if rest:
        emit.ar("copy", Local((n, c, h, rest), x.dtype, x.span))


def softmax_rows(emit: Emitter, r: RowBuffers, y: Local, log: bool, repeated: bool = False) -> None:
    """Softmax along w; `padded` holds the operand already.

    `repeated` is whether the maximum is subtracted with an n-stride of 0.
    """
    n, c, h, width = y.shape
    stat = Local((n, c, h, 1), y.dtype, r.stat)
    pad_rows(emit, r.padded, width)
    reduce_rows(emit, "maxpooling", r.padded, r.part, stat)
    emit.ar("sub", r.shifted, r.padded, stat, repeated=repeated)
    exponential(emit, r.shifted, r.power, r.a, r.b, r.table, r.result)
    total = Local((n, c, h, 1), DType.F32, r.stat)
    if r.wide.span != r.result.span:
        wide = reshaped(r.wide, y.shape)
        emit.ar("cast" if y.dtype.bits == 16 else "copy", wide, r.result)
    pad_rows(emit, r.wide, width)
    reduce_rows(emit, "avgpooling", r.wide, r.part, total)
    if log:
        free = tuple(Local((n, c, h, 1), DType.F32, x.span) for x in (r.a, r.b))
        result = Local((n, c, h, 1), DType.F32, r.wide.span)
        RECIPES["log"].body(emit, Registers(total, result, free, (r.table,)))
        emit.ar("sub", y, r.shifted, result)
        return
    emit.divide(total, total)
    if y.dtype.bits == 16:
        emit.ar("cast", stat, total)
    emit.ar("mul", y, stat, r.result)


SOFTMAX_4D = Rule("softmax_4d", "The tensor is 4-D and the axis 2 or 3.")


class SoftmaxKernel(Kernel, kinds=(Softmax,)):
    """Rows over the lanes if the axis is the last one, else the axis along h or over n."""

    rules = (SOFTMAX_4D,)
    splits = "axes in front of the softmax axis"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """In 4-D, along rows or columns."""
        del features
        assert isinstance(site.attrs, Softmax)
        shape, axis = site.outputs[0].shape, site.attrs.axis
        if len(shape) == 4 and axis >= 2:
            return None
        return SOFTMAX_4D.refuse(
            "a lane can only sum what it holds, as a plane of h and w of a 4-D tensor",
            value=f"{shape_text(shape)} along axis {axis}",
            limit="4-D along axis 2 or 3",
            lift="a reshape to 4-D around it",
        )

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """The softmax axis and what is inside of it."""
        assert isinstance(site.attrs, Softmax)
        return frozenset(range(site.attrs.axis, len(site.outputs[0].shape)))

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """One slice of a group: each n by itself, along w, or along h if w is 1."""
        emit = Emitter(chip)
        self._local(emit, work, Scratch(chip, work.scratch), _is_log(site))
        return emit.done()

    def even_channels(self, site: OpSite) -> tuple[int, ...]:
        """The operand: rows lie over the lanes."""
        del site
        return (0,)

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """Rows with padding, statistics, tables and two copies of 32 bits (reference/plans)."""
        scratch = Scratch(chip)
        self._local(Emitter(chip), work, scratch, _is_log(site))
        return scratch.used

    def _local(self, emit: Emitter, work: Work, scratch: Scratch, log: bool) -> None:
        x, y = work.input(0), work.outputs[0]
        n, c, h, w = x.shape
        shape = (1, c, h, w) if w > 1 else (1, c, 1, h)
        row = round_up(shape[3], emit.chip.eu_num(y.dtype))
        # A plane of one row has room for its padding; rows within a plane do not.
        packed = row != shape[3] and shape[2] > 1
        padded = scratch.local((*shape[:3], row), y.dtype) if packed else x
        stat = scratch.take(lane_bytes(emit.chip, (*shape[:3], 1), y.dtype))
        table = scratch.take(ALL_TABLES_BYTES)
        first = replace(x, shape=shape)
        out = replace(y, shape=shape)
        power, spare = (scratch.local((*shape[:3], row), DType.F32) for _ in range(2))
        power = replace(first, span=power.span)
        b = scratch.like(first) if log else replace(first, span=spare.span)
        wide = spare if y.dtype.bits == 16 or packed else out
        for _ in range(n):
            source = first
            if padded is not x:
                source = reshaped(padded, shape)
                emit.ar("copy", source, first)
            buffers = RowBuffers(source, out, power, out, out, b, wide, out.span, stat, table)
            emit.static_table(table)
            softmax_rows(emit, buffers, out, log, repeated=w == 1)

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Rows in tiles of one bank per buffer, double-buffered."""
        assert isinstance(site.attrs, Softmax)
        x = site.inputs[0].type
        axis = site.attrs.axis
        outer, size, inner = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
        if x.elements == 0:
            return ()
        if inner > 1:
            lines = Lines(outer, size, inner, x.dtype, 0, ((output(), size, x.dtype),), 5)
            return LineTiler(chip, lines, _Columns(site.attrs.log), site.kind).schedule()
        return _rows(site, chip, outer, size)


def _is_log(site: OpSite) -> bool:
    assert isinstance(site.attrs, Softmax)
    return site.attrs.log


def _compute_type(site: OpSite) -> DType:
    """16-bit floats stay what they are, everything else is computed in 32 bits."""
    dtype = site.inputs[0].type.dtype
    return dtype if dtype.is_float else DType.F32


def _unit(site: OpSite, chip: Chip, buffers: int, least: int) -> int:
    """Bytes of each of the buffers: whole banks if that holds `least` bytes, else what there is."""
    unit = chip.banks // buffers * chip.bank_bytes
    if unit < least:
        unit = chip.lmem_bytes // buffers
        unit -= unit % chip.eu_bytes
    if unit < least:
        raise InfeasibleError(
            f"one row of {site.kind} takes {least} bytes in each of {buffers} buffers",
            limit=f"{chip.lmem_bytes} bytes per lane",
            hint="use a shorter axis, or a chip with more local memory",
        )
    return unit


def _rows(site: OpSite, chip: Chip, rows: int, size: int) -> Schedule:
    """(rows, size): rows over the lanes (reference/commands: every Softmax layer)."""
    dtype = _compute_type(site)
    half = dtype.bits == 16
    count = 13 if half else 11
    row_bytes = dtype.nbytes(round_up(size, chip.eu_num(dtype)))
    unit = _unit(site, chip, count, row_bytes)
    per_tile = min(unit // row_bytes * chip.lanes, chip.max_dim)
    tiles = []
    cache: dict[tuple[int, int], tuple[Instruction, ...]] = {}
    for index, (start, length) in enumerate(chunks(rows, per_tile)):
        parity = index % 2
        shape = (1, length, 1, size)
        nbytes = lane_bytes(chip, shape, dtype)
        x, y = (LmemSpan(k, k * unit, nbytes) for k in (parity, 2 + parity))
        if (length, parity) not in cache:
            emit = Emitter(chip)
            spans = [LmemSpan(k, k * unit, nbytes) for k in range(6, 10)]
            shifted, power, a, b = (Local(shape, dtype, span) for span in spans)
            wide = Local(shape, DType.F32, LmemSpan(11, 11 * unit, 2 * nbytes)) if half else power
            small = [LmemSpan(k, k * unit, unit) for k in (5, 4)]
            table = LmemSpan(10, 10 * unit, TABLE_BYTES)
            buffers = RowBuffers(
                Local(shape, dtype, x), shifted, power, power, a, b, wide, small[0], small[1], table
            )
            softmax_rows(emit, buffers, Local(shape, dtype, y), _is_log(site))
            cache[length, parity] = emit.done()
        box = (1, length, 1, size)
        strides = (rows * size, size, size, 1)
        tiles.append(
            Tile(
                (load(chip, GmemBox(0, start * size, box, strides), dtype, x),),
                cache[length, parity],
                (store(chip, GmemBox(output(), start * size, box, strides), dtype, y),),
            )
        )
    table_first = Emitter(chip)
    table_first.static_table(LmemSpan(10, 10 * unit, TABLE_BYTES))
    return (Step((), table_first.done()), *pipeline(tiles))


@dataclass(frozen=True, slots=True)
class _Columns(LineProgram):
    """Softmax along an axis that is not the last one (inferred: the same steps on lines)."""

    log: bool

    def run(self, line: Line) -> None:
        """Maximum, exponential, sum, division or logarithm."""
        emit, x, y = line.emit, line.x, line.outputs[0]
        power, a, b, stat = (replace(free, dtype=x.dtype) for free in line.free[:4])
        table = line.free[4].span
        n, c, _, w = x.shape
        stat = reshaped(stat, (1, c, 1, w) if line.along_n else (n, c, 1, w))
        emit.static_table(table)
        line.combine("max", stat, x)
        emit.ar("sub", a, x, stat)
        exponential(emit, a, power, a, b, table)
        line.combine("avg", stat, power)
        emit.divide(stat, stat)
        emit.ar("sub" if self.log else "mul", y, x if self.log else power, stat)
