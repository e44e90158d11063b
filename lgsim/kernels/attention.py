"""Fused attention: projections, scores, softmax and output projection in local memory.

The sequence per head is the vendor's (reference/commands: bert_base in f16 and int8): three
products with their biases, scores, scaling and mask, softmax, two more products. Queries are cut
into blocks of rows if they do not fit; keys and values stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.errors import InfeasibleError
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Attention
from lgsim.kernels.base import Kernel, Local
from lgsim.kernels.cube import product
from lgsim.kernels.dma import dense_strides, load, load_broadcast, output, store
from lgsim.kernels.elementwise import is_narrow
from lgsim.kernels.schedule import GmemBox, LmemSpan, Schedule, Transfer
from lgsim.kernels.series import TABLE_BYTES, exponential
from lgsim.kernels.site import OpSite
from lgsim.kernels.softmax import pad_rows, reduce_rows
from lgsim.kernels.support import Axis, GroupType
from lgsim.kernels.tiling import Room, Tile, ceil_div, chunks, lane_bytes, serial
from lgsim.kernels.vector import Emitter, retyped
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Operands:
    """Indices of the inputs of an Attention."""

    sources: tuple[int, int, int]
    weights: tuple[int, int, int, int]
    biases: tuple[int | None, int | None, int | None, int | None]
    mask: int | None
    table: int | None

    @staticmethod
    def of(site: OpSite) -> Operands:
        """Read them off the attributes."""
        attrs = site.attrs
        assert isinstance(attrs, Attention)
        given = attrs.operands_qkv
        position = given
        weights: list[int] = []
        biases: list[int | None] = []
        for has_bias in attrs.biases:
            weights.append(position)
            biases.append(position + 1 if has_bias else None)
            position += 1 + has_bias
        mask = position if attrs.masked else None
        position += attrs.masked
        table = position if position < len(site.inputs) else None
        q, k, v = (min(i, given - 1) for i in range(3))
        return Operands(
            (q, k, v),
            (weights[0], weights[1], weights[2], weights[3]),
            (biases[0], biases[1], biases[2], biases[3]),
            mask,
            table,
        )


class AttentionKernel(Kernel, kinds=(Attention,)):
    """One batch element after the other."""

    rules = ()
    splits = "n; c (queries) if keys are given as an operand of their own"

    def splittable(self, site: OpSite, axis: Axis, group_type: GroupType) -> bool:
        """Batch, and queries that do not also serve as keys (facts/layer_group.md §4.2)."""
        assert isinstance(site.attrs, Attention)
        own_keys = site.attrs.operands_qkv > 1 and group_type == "MM"
        return axis == "n" or (axis == "c" and own_keys)

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Without overlap: what is loaded is small against the computation."""
        return _Layer(site, chip).schedule()


class _Layer:
    """Places the operands, and makes the tiles: one per batch element and block of queries."""

    def __init__(self, site: OpSite, chip: Chip) -> None:
        assert isinstance(site.attrs, Attention)
        self.site, self.chip, self.attrs = site, chip, site.attrs
        self.operands = Operands.of(site)
        x = site.inputs[0].type
        self.dtype = x.dtype
        self.narrow = is_narrow(x.dtype)
        self.batch, self.rows, self.columns = x.shape
        self.keys = site.inputs[self.operands.sources[1]].type.shape[1]
        block = self.rows
        while block > chip.lanes and self._end(block) > chip.lmem_bytes:
            block = ceil_div(block // 2, chip.lanes) * chip.lanes
        self.block = block
        self._place(block, Room(chip, f"{site.kind} of {block} rows"))

    def _end(self, block: int) -> int:
        room = Room(self.chip, self.site.kind)
        try:
            self._place(block, room)
        except InfeasibleError:
            return self.chip.lmem_bytes + 1
        return room.end

    def _place(self, block: int, room: Room) -> None:
        site, operands, chip = self.site, self.operands, self.chip
        wide = DType.I32 if self.narrow else self.dtype
        width = self.attrs.heads * self.attrs.dim
        out = site.outputs[0]

        def rows(count: int, size: int, dtype: DType) -> LmemSpan:
            return room.take(lane_bytes(chip, (1, count, 1, size), dtype))

        self.sources = {
            i: rows(self.rows if i == 0 else self.keys, site.inputs[i].type.shape[2], self.dtype)
            for i in sorted(set(operands.sources))
        }
        constants = [*operands.weights, *operands.biases, operands.mask, operands.table]
        self.constants: dict[int, LmemSpan] = {}
        for index in constants:
            if index is not None:
                x = site.inputs[index].type
                spread = chip.lanes if index in operands.weights else 1
                self.constants[index] = room.take(ceil_div(x.nbytes, spread))
        self.series = room.take(TABLE_BYTES)
        self.kv = [rows(self.keys, width, self.dtype) for _ in range(2)]
        self.q = rows(block, width, self.dtype)
        self.scores = rows(block, self.keys, wide)
        self.registers = [rows(block, self.keys, DType.F32) for _ in range(3)]
        self.context = rows(block, width, self.dtype)
        self.sums = rows(max(block, self.keys), width, wide)
        self.small = [rows(block, chip.eu_num(DType.I8), DType.F32) for _ in range(2)]
        self.result = rows(block, out.shape[2], out.dtype)

    def schedule(self) -> Schedule:
        """All tiles; constants are loaded with the first one."""
        tiles = []
        for image in range(self.batch):
            for start, count in chunks(self.rows, self.block):
                loads: tuple[Transfer, ...] = ()
                if start == 0:
                    loads = tuple(self._sources(image))
                    if image == 0:
                        loads += tuple(self._constants())
                emit = Emitter(self.chip)
                self._compute(emit, start, count)
                tiles.append(Tile(loads, emit.done(), (self._store(image, start, count),)))
        return serial(tiles)

    def _sources(self, image: int) -> list[Transfer]:
        loads = []
        for index, span in self.sources.items():
            _, rows, columns = self.site.inputs[index].type.shape
            shape = (1, rows, columns, 1)
            box = GmemBox(index, image * rows * columns, shape, dense_strides(shape))
            loads.append(load(self.chip, box, self.dtype, span))
        return loads

    def _constants(self) -> list[Transfer]:
        loads = []
        for index, span in self.constants.items():
            x = self.site.inputs[index].type
            if index in self.operands.weights and x.elements % self.chip.lanes == 0:
                shape = (1, self.chip.lanes, 1, x.elements // self.chip.lanes)
                box = GmemBox(index, 0, shape, dense_strides(shape))
                loads.append(load(self.chip, box, x.dtype, span))
            else:
                box = GmemBox(index, 0, (x.elements,), (1,))
                loads.append(load_broadcast(self.chip, box, x.dtype, span))
        return loads

    def _store(self, image: int, start: int, count: int) -> Transfer:
        out = self.site.outputs[0]
        shape = (1, count, out.shape[2], 1)
        offset = (image * self.rows + start) * out.shape[2]
        strides = (out.shape[1] * out.shape[2], out.shape[2], 1, 1)
        return store(self.chip, GmemBox(output(), offset, shape, strides), out.dtype, self.result)

    def _local(self, span: LmemSpan, rows: int, width: int, dtype: DType) -> Local:
        return Local((1, rows, 1, width), dtype, span)

    def _product(
        self, emit: Emitter, out: LmemSpan, left: LmemSpan, right: LmemSpan, m: int, k: int, n: int
    ) -> None:
        emit.instructions.append(product(self.chip, out, self.dtype, (left, right), m=m, k=k, n=n))

    def _compute(self, emit: Emitter, start: int, count: int) -> None:
        heads, dim = self.attrs.heads, self.attrs.dim
        if start == 0:
            for number in (1, 2):
                self._project(emit, number, self.kv[number - 1], self.keys)
        self._project(emit, 0, self.q, count)
        if not self.narrow:
            emit.static_table(self.series)
        for _ in range(heads):
            self._product(emit, self.scores, self.q, self.kv[0], count, dim, self.keys)
            weights = self._weights(emit, count)
            target = self.sums if self.narrow else self.context
            self._product(emit, target, weights, self.kv[1], count, self.keys, dim)
            if self.narrow:
                self._requant(emit, self.context, self.sums, count, dim)
        columns = self.site.outputs[0].shape[2]
        out = self.constants[self.operands.weights[3]]
        self._product(emit, self.result, self.context, out, count, heads * dim, columns)
        bias = self.operands.biases[3]
        if bias is not None:
            self._add(emit, self.result, bias, count, columns, self.site.outputs[0].dtype)

    def _project(self, emit: Emitter, number: int, out: LmemSpan, rows: int) -> None:
        """Product with a weight, bias, and for 8 bits the way back from 32."""
        source = self.operands.sources[number]
        width = self.attrs.heads * self.attrs.dim
        columns = self.site.inputs[source].type.shape[2]
        weight = self.constants[self.operands.weights[number]]
        target = self.sums if self.narrow else out
        self._product(emit, target, self.sources[source], weight, rows, columns, width)
        bias = self.operands.biases[number]
        if bias is not None:
            wide = DType.I32 if self.narrow else self.dtype
            self._add(emit, target, bias, rows, width, wide)
        if self.narrow:
            self._requant(emit, out, self.sums, rows, width)

    def _add(
        self, emit: Emitter, target: LmemSpan, index: int, rows: int, width: int, dtype: DType
    ) -> None:
        values = self._local(target, rows, width, dtype)
        emit.ar("add", values, self._local(self.constants[index], 1, width, dtype), values)

    def _requant(
        self, emit: Emitter, out: LmemSpan, source: LmemSpan, rows: int, width: int
    ) -> None:
        x = self._local(source, rows, width, DType.I32)
        emit.requant("rq1", self._local(out, rows, width, self.dtype), x)

    def _weights(self, emit: Emitter, rows: int) -> LmemSpan:
        """Softmax of the scores; where its result lies."""
        if self.narrow and self.operands.table is not None:
            return self._table_softmax(emit, rows, self.operands.table)
        dtype = self.dtype if self.dtype.is_float else DType.F32
        s = self._local(self.scores, rows, self.keys, dtype)
        y, a, b = (self._local(span, rows, self.keys, dtype) for span in self.registers)
        emit.ar("mul", s, s)
        if self.operands.mask is not None:
            self._add(emit, self.scores, self.operands.mask, rows, self.keys, dtype)
        stat, total = (self._local(self.small[1], rows, 1, kind) for kind in (dtype, DType.F32))
        pad_rows(emit, s)
        reduce_rows(emit, "maxpooling", s, self.small[0], stat)
        emit.ar("sub", s, s, stat)
        exponential(emit, s, y, a, b, self.series)
        wide = y
        if dtype.bits == 16:
            wide = retyped(a, DType.F32)
            emit.ar("cast", wide, y)
        pad_rows(emit, wide)
        reduce_rows(emit, "avgpooling", wide, self.small[0], total)
        inverse = self._local(self.small[0], rows, 1, DType.F32)
        emit.divide(inverse, total)
        if dtype.bits == 16:
            emit.ar("cast", stat, inverse)
        emit.ar("mul", y, stat if dtype.bits == 16 else inverse, y)
        return y.span

    def _table_softmax(self, emit: Emitter, rows: int, table: int) -> LmemSpan:
        """Softmax of 8-bit scores by a table of exponentials."""
        keys = self.keys
        self._requant(emit, self.registers[1], self.scores, rows, keys)
        s = self._local(self.registers[1], rows, keys, self.dtype)
        if self.operands.mask is not None:
            mask = self._local(self.constants[self.operands.mask], 1, keys, DType.F32)
            flags = self._local(self.registers[2], self.chip.lanes, keys, DType.U8)
            emit.ar("selectEqual", retyped(flags, DType.F32), mask)
            emit.ar("xor", flags, flags)
            emit.ar("subs", s, s, flags)
        emit.ar("sub", s, s)
        values = self._local(self.registers[0], rows, keys, DType.F32)
        lookup = self._local(self.constants[table], self.chip.lanes, 256, DType.F32)
        emit.gather("gather", values, lookup, s)
        total = self._local(self.small[1], rows, 1, DType.F32)
        pad_rows(emit, values)
        reduce_rows(emit, "avgpooling", values, self.small[0], total)
        emit.divide(total, total)
        emit.ar("mul", values, total, values)
        emit.ar("cast", s, values)
        return s.span
