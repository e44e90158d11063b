"""The computation of a fused attention: projections, scores, softmax, output projection.

The sequence per head is the vendor's (reference/commands: bert_base in f16 and int8), and so is
the reuse of registers: one pair of score-sized ones serves the queries, the two registers of the
exponential, its 32-bit copy, and the context.
"""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Attention
from lgsim.kernels.base import Local
from lgsim.kernels.commands.cube import product
from lgsim.kernels.commands.series import TABLE_BYTES, exponential
from lgsim.kernels.commands.tiling import lane_bytes, part
from lgsim.kernels.commands.vector import Emitter, Scratch, retyped
from lgsim.kernels.elementwise.elementwise import is_narrow
from lgsim.kernels.rows.softmax import pad_rows, reduce_rows
from lgsim.kernels.schedule import LmemSpan
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Operands:
    """Indices of the inputs of an Attention."""

    sources: tuple[int, int, int]
    weights: tuple[int, int, int, int]
    biases: tuple[int | None, int | None, int | None, int | None]
    mask: int | None
    table: int | None

    @property
    def constants(self) -> tuple[int, ...]:
        """Weights, biases, mask and table, as far as there are any."""
        every = (*self.weights, *self.biases, self.mask, self.table)
        return tuple(index for index in every if index is not None)

    @property
    def merged(self) -> tuple[tuple[int, ...], ...]:
        """Constants that lie behind each other in global memory and are loaded by one command.

        They are the weights of queries, keys and values, and the biases of these and of the output
        (reference/plans: bert_base, 192 biases of three heads, 960 with that of the output).
        """
        biases = tuple(index for index in self.biases if index is not None)
        return self.weights[:3], biases if None not in self.biases[:3] else ()

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


class AttentionCore:
    """Registers for `rows` queries at a time, and the instructions that use them."""

    def __init__(self, site: OpSite, chip: Chip, rows: int, keys: int, scratch: Scratch) -> None:
        assert isinstance(site.attrs, Attention)
        self.site, self.chip, self.attrs = site, chip, site.attrs
        self.operands = Operands.of(site)
        self.keys = keys
        self.dtype = site.inputs[0].type.dtype
        self.narrow = is_narrow(self.dtype)
        self.width = self.attrs.heads * self.attrs.dim
        unit = chip.eu_num(DType.F32)

        def take(count: int, size: int, dtype: DType) -> LmemSpan:
            return scratch.take(lane_bytes(chip, (1, count, 1, size), dtype))

        self.kv = [take(keys, self.width, self.dtype) for _ in range(2)]
        score = lane_bytes(chip, (1, rows, 1, max(keys, self.width)), self.dtype)
        least = lane_bytes(chip, (1, rows, 1, unit), DType.F32)
        self.series = scratch.take(TABLE_BYTES)
        several = self.attrs.heads > 1
        own = [take(rows, self.width, self.dtype) for _ in range(2 if several else self.narrow)]
        if self.narrow:
            self.q, self.context = own[0], own[-1]
            self.scores = take(rows, keys, self.dtype)
            wide = lane_bytes(chip, (1, rows, 1, keys), DType.I32)
            sums = lane_bytes(chip, (1, max(rows, keys), 1, self.width), DType.I32)
            self.power = scratch.take(max(wide, sums, least))
            self.part, self.stat = scratch.take(least), scratch.take(least)
            return
        half = max(score, least)
        self.scores, self.power = scratch.take(half), scratch.take(half)
        pair = scratch.take(2 * half)
        self.a, self.b = part(pair, 0, half), part(pair, half, half)
        self.q, self.context = own or (self.a, self.a)
        self.wide = pair

    def compute(
        self,
        emit: Emitter,
        inputs: dict[int, LmemSpan],
        result: LmemSpan,
        rows: int,
        first: bool = True,
    ) -> None:
        """Queries of `rows` rows; keys and values are projected with the `first` ones."""
        dim = self.attrs.dim
        if not self.narrow:
            emit.static_table(self.series)
        if first:
            for number in (1, 2):
                self._project(emit, inputs, number, self.kv[number - 1], self.keys)
        self._project(emit, inputs, 0, self.q, rows)
        for _ in range(self.attrs.heads):
            target = self.power if self.narrow else self.scores
            self._product(emit, target, self.q, self.kv[0], rows, dim, self.keys)
            weights = (self._table_softmax if self.narrow else self._softmax)(emit, inputs, rows)
            target = self.power if self.narrow else self.context
            self._product(emit, target, weights, self.kv[1], rows, self.keys, dim)
            if self.narrow:
                self._requant(emit, self.context, self.power, rows, dim)
        out = self.site.outputs[0]
        columns = out.shape[2]
        weight = inputs[self.operands.weights[3]]
        self._product(emit, result, self.context, weight, rows, self.width, columns)
        bias = self.operands.biases[3]
        if bias is not None:
            self._add(emit, result, inputs[bias], rows, columns, out.dtype)

    def _local(self, span: LmemSpan, rows: int, width: int, dtype: DType) -> Local:
        return Local((1, rows, 1, width), dtype, span)

    def _product(
        self, emit: Emitter, out: LmemSpan, left: LmemSpan, right: LmemSpan, m: int, k: int, n: int
    ) -> None:
        emit.instructions.append(product(self.chip, out, self.dtype, (left, right), m=m, k=k, n=n))

    def _project(
        self, emit: Emitter, inputs: dict[int, LmemSpan], number: int, out: LmemSpan, rows: int
    ) -> None:
        """Product with a weight, bias, and for 8 bits the way back from 32."""
        source = self.operands.sources[number]
        columns = self.site.inputs[source].type.shape[2]
        weight = inputs[self.operands.weights[number]]
        target = self.power if self.narrow else out
        self._product(emit, target, inputs[source], weight, rows, columns, self.width)
        bias = self.operands.biases[number]
        if bias is not None:
            wide = DType.I32 if self.narrow else self.dtype
            self._add(emit, target, inputs[bias], rows, self.width, wide)
        if self.narrow:
            self._requant(emit, out, self.power, rows, self.width)

    def _add(
        self, emit: Emitter, target: LmemSpan, bias: LmemSpan, rows: int, width: int, dtype: DType
    ) -> None:
        values = self._local(target, rows, width, dtype)
        emit.ar("add", values, self._local(bias, 1, width, dtype), values)

    def _requant(
        self, emit: Emitter, out: LmemSpan, source: LmemSpan, rows: int, width: int
    ) -> None:
        x = self._local(source, rows, width, DType.I32)
        emit.requant("rq1", self._local(out, rows, width, self.dtype), x)

    def _softmax(self, emit: Emitter, inputs: dict[int, LmemSpan], rows: int) -> LmemSpan:
        """Softmax of the scores; where its result lies."""
        dtype = self.dtype
        s = self._local(self.scores, rows, self.keys, dtype)
        y, a, b = (self._local(x, rows, self.keys, dtype) for x in (self.power, self.a, self.b))
        emit.ar("mul", s, s)
        if self.operands.mask is not None:
            self._add(emit, self.scores, inputs[self.operands.mask], rows, self.keys, dtype)
        stat = self._local(self.b, rows, 1, dtype)
        pad_rows(emit, s, self.keys)
        reduce_rows(emit, "maxpooling", s, self.a, stat)
        emit.ar("sub", s, s, stat)
        exponential(emit, s, y, a, b, self.series)
        wide = y
        if dtype.bits == 16:
            wide = self._local(self.wide, rows, self.keys, DType.F32)
            emit.ar("cast", wide, y)
        pad_rows(emit, wide, self.keys)
        total, inverse = (self._local(x, rows, 1, DType.F32) for x in (self.a, self.b))
        reduce_rows(emit, "avgpooling", wide, self.scores, total)
        emit.divide(inverse, total)
        factor = inverse
        if dtype.bits == 16:
            factor = self._local(self.scores, rows, 1, dtype)
            emit.ar("cast", factor, inverse)
        emit.ar("mul", y, factor, y)
        return y.span

    def _table_softmax(self, emit: Emitter, inputs: dict[int, LmemSpan], rows: int) -> LmemSpan:
        """Softmax of 8-bit scores by a table of exponentials."""
        keys = self.keys
        self._requant(emit, self.scores, self.power, rows, keys)
        s = self._local(self.scores, rows, keys, self.dtype)
        if self.operands.mask is not None:
            mask = self._local(inputs[self.operands.mask], 1, keys, DType.F32)
            flags = self._local(self.power, min(rows, self.chip.lanes), keys, DType.U8)
            emit.ar("selectEqual", retyped(flags, DType.F32), mask)
            emit.ar("xor", flags, flags)
            emit.ar("subs", s, s, flags)
        emit.ar("sub", s, s)
        values = self._local(self.power, rows, keys, DType.F32)
        table = [] if self.operands.table is None else [inputs[self.operands.table]]
        lookups = [self._local(span, self.chip.lanes, 256, DType.F32) for span in table]
        emit.gather("gather", values, *lookups, s)
        total = self._local(self.stat, rows, 1, DType.F32)
        pad_rows(emit, values, keys)
        reduce_rows(emit, "avgpooling", values, self.part, total)
        emit.divide(total, total)
        emit.ar("mul", values, total, values)
        emit.ar("cast", s, values)
        return s.span
