"""Matrix products on the vector unit (MM): f32 ones, and single rows of any type.

Local memory is cut into eighths (two banks each on the BM1684X): two for left tiles, two for right
tiles, two for results and two for f32 copies of 16-bit operands. Columns are folded over the lanes,
`width` of them in each; wide ones make better transfers and slower products. Rows are cut evenly
when they do not fit, k too, the partial sums staying in place. Source: all f32 MatMul and all
single-row f16 and int8 global layers of the reference commands.
"""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import MatMul
from lgsim.kernels.base import Local
from lgsim.kernels.commands.dma import load_matrix, output, store_matrix
from lgsim.kernels.commands.tiling import Room, Tile, ceil_div, head, pipeline, round_up
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.matmul.cut import EIGHTHS, choose, left_columns, sum_type, wide_bytes
from lgsim.kernels.matmul.product import Offsets, Product, batch_offsets
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip
from lgsim.target.timing import bdc


@dataclass(frozen=True, slots=True)
class Buffers:
    """Two of each kind of tile, and two for f32 copies and partial int32 sums."""

    left: tuple[LmemSpan, LmemSpan]
    right: tuple[LmemSpan, LmemSpan]
    out: tuple[LmemSpan, LmemSpan]
    copies: tuple[LmemSpan, LmemSpan]


class RowProduct:
    """Commands of one layer."""

    def __init__(self, site: OpSite, product: Product, chip: Chip) -> None:
        attrs = site.attrs
        assert isinstance(attrs, MatMul)
        self.attrs = attrs
        self.product = product
        self.chip = chip
        self.cut = choose(product, chip)
        room = Room(chip, "the smallest tile of a matrix product")
        eighth = chip.lmem_bytes // EIGHTHS
        needed = wide_bytes(product, self.cut.width) * self.cut.inner[0][1]
        self.buffers = Buffers(*(room.pair(max(eighth, needed)) for _ in range(4)))
        self.left_width = left_columns(product, chip)
        self.wide = sum_type(product)
        self.narrow = product.dtype.is_float and product.dtype.bits < 32

    def batch(self, at: Offsets) -> Schedule:
        """One batch element."""
        tiles = []
        pieces = len(self.cut.inner)
        for row_index, rows in enumerate(self.cut.rows):
            for index, inner in enumerate(self.cut.inner):
                step = row_index * pieces + index
                x = self.buffers.left[step % 2]
                w = self.buffers.right[step % 2 if pieces > 1 else 0]
                out = self.buffers.out[row_index % 2]
                loads = [self.load_left(rows, inner, at, x)]
                if pieces > 1 or row_index == 0:
                    loads.append(self.load_right(inner, at, w))
                last = index == pieces - 1
                if last and self.product.bias is not None:
                    loads.append(self.load_bias(x))
                instructions = self.compute(rows[1], index, inner[1], x, w, out)
                stores = (self.store(rows, at, out),) if last else ()
                tiles.append(Tile(tuple(loads), instructions, stores))
        return pipeline(tiles)

    # -- transfers -------------------------------------------------------------------------

    def load_left(
        self, rows: tuple[int, int], inner: tuple[int, int], at: Offsets, span: LmemSpan
    ) -> Transfer:
        """A tile of the left operand, columns folded by EU words."""
        product, turned = self.product, self.attrs.left_transpose
        pitch = product.m if turned else self.pitch(0)
        box = _box(0, at.left, rows, inner, pitch, turned)
        used = head(span, self.left_bytes(rows[1], inner[1]))
        return load_matrix(
            self.chip,
            box,
            product.dtype,
            used,
            width=min(self.left_width, inner[1]),
            transpose=turned,
        )

    def left_bytes(self, rows: int, inner: int) -> int:
        """Bytes per lane of a left tile."""
        turns = ceil_div(ceil_div(inner, self.left_width), self.chip.lanes)
        return self.product.dtype.nbytes(rows * turns * self.left_width)

    def load_right(self, inner: tuple[int, int], at: Offsets, span: LmemSpan) -> Transfer:
        """A tile of the right operand."""
        product, turned = self.product, self.attrs.right_transpose
        pitch = self.pitch(1)
        box = _box(1, at.right, inner, (0, product.n), pitch, turned)
        used = head(span, product.dtype.nbytes(inner[1] * self.cut.width))
        return load_matrix(
            self.chip, box, product.dtype, used, width=self.cut.width, transpose=turned
        )

    def pitch(self, index: int) -> int:
        """Elements from one row of an operand to the next in global memory."""
        product = self.product
        columns = (product.k, product.k if self.attrs.right_transpose else product.n)[index]
        return columns * product.heads

    def load_bias(self, span: LmemSpan) -> Transfer:
        """The bias, behind the left tile."""
        product, chip = self.product, self.chip
        assert product.bias is not None
        box = GmemBox(2, 0, (1, product.n), (product.n, 1))
        return load_matrix(chip, box, product.bias, self.bias_span(span), width=self.cut.width)

    def bias_span(self, span: LmemSpan) -> LmemSpan:
        """Where the bias lies in a left buffer: at its end."""
        assert self.product.bias is not None
        nbytes = self.product.bias.nbytes(self.cut.width)
        address = span.address + span.nbytes - round_up(nbytes, self.chip.eu_bytes)
        return LmemSpan(span.buffer, address, nbytes)

    def store(self, rows: tuple[int, int], at: Offsets, out: LmemSpan) -> Transfer:
        """The finished rows."""
        product = self.product
        pitch = product.n * product.heads
        box = GmemBox(output(), at.result + rows[0] * pitch, (rows[1], product.n), (pitch, 1))
        used = head(out, product.result.nbytes(rows[1] * self.cut.width))
        return store_matrix(self.chip, box, product.result, used, width=self.cut.width)

    # -- instructions ----------------------------------------------------------------------

    def compute(
        self, rows: int, index: int, inner: int, x: LmemSpan, w: LmemSpan, out: LmemSpan
    ) -> tuple[Instruction, ...]:
        """Instructions of one tile; what finishes the result follows the last piece of k."""
        product, last = self.product, index == len(self.cut.inner) - 1
        emitter = Emitter(self.chip)
        bias = self.bias_span(x) if last and product.bias is not None else None
        x = head(x, self.left_bytes(rows, inner))
        w = head(w, product.dtype.nbytes(inner * self.cut.width))
        sums = self.columns(rows, self.wide, out)
        if self.narrow:
            sums = self.columns(rows, self.wide, self.buffers.out[1])
            x, w, bias = self.widen(emitter, rows, inner, x, w, bias)
        if product.integer:
            self.integer(emitter, rows, index, inner, (x, w), sums, bias)
        else:
            reads = [x, w, *([] if bias is None else [bias]), *([sums.span] if index else [])]
            self.multiply(emitter, rows, inner, tuple(reads), sums, bias is not None, index > 0)
        if last and product.relu and not product.integer:
            emitter.ar("relu", sums, sums)
        if last and self.narrow:
            emitter.ar("cast", self.columns(rows, product.result, out), sums)
        return emitter.done()

    def columns(self, rows: int, dtype: DType, span: LmemSpan) -> Local:
        """Rows of the result as (rows, lanes, 1, width)."""
        lanes = ceil_div(self.product.n, self.cut.width)
        used = head(span, dtype.nbytes(rows * self.cut.width))
        return Local((rows, lanes, 1, self.cut.width), dtype, used)

    def widen(
        self,
        emitter: Emitter,
        rows: int,
        inner: int,
        x: LmemSpan,
        w: LmemSpan,
        bias: LmemSpan | None,
    ) -> tuple[LmemSpan, LmemSpan, LmemSpan | None]:
        """F32 copies of 16-bit operands."""
        dtype, left_width = self.product.dtype, self.left_width
        left_copy, right_copy = self.buffers.copies
        lanes = ceil_div(inner, left_width)
        narrow = Local((rows, lanes, 1, left_width), dtype, head(x, self.left_bytes(rows, inner)))
        wide_left = head(left_copy, 2 * narrow.span.nbytes)
        emitter.ar("cast", Local(narrow.shape, DType.F32, wide_left), narrow)
        columns = self.columns(inner, dtype, w)
        wide_right = self.columns(inner, DType.F32, right_copy)
        emitter.ar("cast", wide_right, columns)
        wide_bias = bias
        if bias is not None and self.product.bias is not DType.F32:
            nbytes = DType.F32.nbytes(self.cut.width)
            address = left_copy.address + left_copy.nbytes - round_up(nbytes, self.chip.eu_bytes)
            wide_bias = LmemSpan(left_copy.buffer, address, nbytes)
            emitter.ar("cast", self.columns(1, DType.F32, wide_bias), self.columns(1, dtype, bias))
        return wide_left, wide_right.span, wide_bias

    def integer(
        self,
        emitter: Emitter,
        rows: int,
        index: int,
        inner: int,
        reads: tuple[LmemSpan, ...],
        sums: Local,
        bias: LmemSpan | None,
    ) -> None:
        """Partial int32 sums are added up, then the bias; the total is requantized in place."""
        part = self.columns(rows, DType.I32, self.buffers.copies[0]) if index else sums
        self.multiply(emitter, rows, inner, reads, part, False, False)
        if index:
            emitter.ar("add", sums, sums, part, repeated=True)
        if index < len(self.cut.inner) - 1:
            return
        if bias is not None:
            emitter.ar("add_bias", sums, sums, self.columns(1, DType.I32, bias), repeated=True)
        if self.product.requant:
            n, c, h, w = sums.shape
            cycles = bdc.requant_cycles(self.chip, DType.I32, n=n, c=c, h=h, w=w, in_place=True)
            narrow = self.columns(rows, self.product.result, sums.span)
            emitter.instructions.append(
                Instruction("RQDQ", "requant", cycles, (sums.span,), (narrow.span,))
            )

    def multiply(
        self,
        emitter: Emitter,
        rows: int,
        inner: int,
        reads: tuple[LmemSpan, ...],
        out: Local,
        bias: bool,
        accumulate: bool,
    ) -> None:
        """One MM."""
        dtype = DType.F32 if self.product.dtype.is_float else self.product.dtype
        cycles = bdc.mm_cycles(
            self.chip,
            dtype,
            m=rows,
            k=inner,
            n=self.product.n,
            lane_columns=self.cut.width,
            bias=bias,
            accumulate=accumulate,
        )
        emitter.instructions.append(Instruction("MM", "mm", cycles, reads, (out.span,)))


def _box(
    operand: int,
    offset: int,
    rows: tuple[int, int],
    columns: tuple[int, int],
    pitch: int,
    turned: bool,
) -> GmemBox:
    """Rows × columns of an operand; if `turned`, it lies in memory as columns × rows."""
    if turned:
        rows, columns = columns, rows
    start = offset + rows[0] * pitch + columns[0]
    return GmemBox(operand, start, (rows[1], columns[1]), (pitch, 1))


def global_schedule(site: OpSite, product: Product, chip: Chip) -> Schedule:
    """A product alone; batch elements one after the other.

    Raises
    ------
    InfeasibleError
        If the columns of one row do not fit an eighth of local memory.
    """
    rows = RowProduct(site, product, chip)
    steps: Schedule = ()
    return steps + tuple(step for at in batch_offsets(site, product) for step in rows.batch(at))
