"""Matrix products on the cube (MM2) as global layers: 16- and 8-bit, more than one row.

A right operand that all batch elements share stays in local memory (its columns are cut if it does
not fit) while pieces of the rows stream through; otherwise pieces of the batch stream. Left tiles
and results have two buffers each. Source: the MatMul layers of efficientvit_m0, deit_tiny_b16,
resnet50_b8 and swin_t_b8 (operands as (batch, rows, 1, columns), rows on lanes; bias by broadcast).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from lgsim.graph.ops import MatMul
from lgsim.kernels.base import Work
from lgsim.kernels.commands.dma import load, load_broadcast, output, store
from lgsim.kernels.commands.tiling import (
    Room,
    Tile,
    ceil_div,
    chunks,
    lane_bytes,
    local_at,
    pipeline,
    serial,
)
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.matmul.local import multiply
from lgsim.kernels.matmul.product import Offsets, Product, batch_offsets, folded
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip

Box4 = tuple[int, int, int, int]
Piece = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """Batch elements, rows and columns of one tile."""

    batch: int
    rows: int
    columns: int
    doubled: bool = True


class CubeProduct:
    """Commands of one layer; `inner` operands lie as (batch, rows, heads, columns)."""

    def __init__(self, site: OpSite, product: Product, chip: Chip) -> None:
        attrs = site.attrs
        assert isinstance(attrs, MatMul)
        self.site = site
        self.attrs = attrs
        self.product = product
        self.chip = chip
        # Heads of a float product lie side by side in local memory; those of an int8 one are
        # loaded one after the other, each with its own rows.
        self.heads = 1 if product.integer else product.heads
        self.sequences = self.find_sequences()
        self.offsets = self.sequences[0]
        self.shared = product.batch * product.heads == 1
        self.cut = self.choose()

    def find_sequences(self) -> list[list[Offsets]]:
        """Where every batch element begins, for each head that is loaded by itself."""
        every = batch_offsets(self.site, self.product)
        heads = self.product.heads
        return [every[head::heads] for head in range(heads // self.heads)]

    # -- shapes ----------------------------------------------------------------------------

    def left_shape(self, batch: int, rows: int) -> Box4:
        """The left tile as (n, c, h, w)."""
        product = self.product
        if self.attrs.left_transpose:
            return batch, product.k, self.heads, rows
        return batch, rows, self.heads, product.k

    def right_shape(self, batch: int, columns: int) -> Box4:
        """The right tile as (n, c, h, w)."""
        product = self.product
        if self.attrs.right_transpose:
            return batch, columns, self.heads, product.k
        return batch, product.k, self.heads, columns

    def out_shape(self, batch: int, rows: int, columns: int) -> Box4:
        """The result tile as (n, c, h, w)."""
        return batch, rows, self.heads, columns

    def sizes(self, cut: Cut) -> tuple[int, int, int, int, int]:
        """Bytes per lane of left, right, result, bias and scratch."""
        product, chip = self.product, self.chip
        out = self.out_shape(cut.batch, cut.rows, cut.columns)
        bias = 0
        if product.bias is not None:
            bias = lane_bytes(chip, (1, 1, 1, cut.columns), product.bias)
        scratch = Scratch(chip)
        self.run(Emitter(chip), scratch, cut, _NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE)
        return (
            lane_bytes(chip, self.left_shape(cut.batch, cut.rows), product.dtype),
            lane_bytes(chip, self.right_shape(cut.batch, cut.columns), product.dtype),
            lane_bytes(chip, out, product.result),
            bias,
            scratch.used,
        )

    def banks(self, cut: Cut) -> int:
        """Whole banks the buffers take."""
        left, right, out, bias, scratch = self.sizes(cut)
        copies = 2 if cut.doubled else 1
        rights = copies if not self.shared or cut.columns < self.product.n else 1
        bank = self.chip.bank_bytes
        return (
            copies * (ceil_div(left, bank) + ceil_div(out, bank))
            + rights * ceil_div(right + bias, bank)
            + ceil_div(scratch, bank)
        )

    # -- choice ----------------------------------------------------------------------------

    def choose(self) -> Cut:
        """The coarsest cut that fits in whole banks; else the finest, single-buffered."""
        finest = None
        for cut in self.candidates():
            finest = cut
            if self.banks(cut) <= self.chip.banks:
                return cut
        assert finest is not None
        return replace(finest, doubled=False)

    def candidates(self) -> Iterator[Cut]:
        """From coarse to fine: batch, then rows by rounds of lanes, then columns."""
        product, lanes = self.product, self.chip.lanes
        batch = self.stackable()
        while batch > 1:
            yield Cut(batch, product.m, product.n)
            batch = ceil_div(batch, 2)
        rows = min(product.m, self.most_rows())
        while rows > lanes:
            yield Cut(1, rows, product.n)
            rows = ceil_div(rows, 2 * lanes) * lanes if rows > 2 * lanes else lanes
        columns = product.n
        step = self.chip.eu_num(product.dtype)
        if product.heads > 1:
            yield Cut(1, rows, columns)
            return
        while columns > step:
            yield Cut(1, rows, columns)
            columns = max(step, ceil_div(columns, 2 * step) * step)
        yield Cut(1, rows, columns)

    def most_rows(self) -> int:
        """Rows whose left operand and result take a bank each, in whole rounds of lanes.

        Inferred from the 128-row tiles of swin_t_b8_f16.
        """
        product, chip = self.product, self.chip
        if product.heads > 1 or self.attrs.left_transpose:
            return product.m
        row = max(
            lane_bytes(chip, self.left_shape(1, 1), product.dtype),
            lane_bytes(chip, self.out_shape(1, 1, product.n), product.result),
        )
        return max(1, chip.bank_bytes // row) * chip.lanes

    def stackable(self) -> int:
        """Batch elements that one strided transfer can take: evenly spaced in all operands."""
        at = self.offsets
        if len(at) < 3:
            return len(at)
        steps = {(b.left - a.left, b.right - a.right, b.result - a.result) for a, b in pairwise(at)}
        return len(at) if len(steps) == 1 else 1

    # -- commands --------------------------------------------------------------------------

    def schedule(self) -> Schedule:
        """Tiles over columns, batch and rows.

        Raises
        ------
        InfeasibleError
            If one round of rows and one EU word of columns do not fit local memory.
        """
        product, cut = self.product, self.cut
        left, right, out, bias, scratch_bytes = self.sizes(cut)
        room = Room(self.chip, "the smallest tile of a matrix product")
        copies = 2 if cut.doubled else 1
        bank = cut.doubled
        lefts = [room.take(left, bank=bank) for _ in range(copies)]
        outs = [room.take(out, bank=bank) for _ in range(copies)]
        whole = self.shared and cut.columns >= product.n
        rights = []
        for _ in range(1 if whole else copies):
            right_span = room.take(right, bank=bank)
            rights.append((right_span, room.take(bias)))
        scratch = room.take(scratch_bytes, bank=bank)
        tiles: list[Tile] = []
        cache: dict[tuple[object, ...], tuple[Instruction, ...]] = {}
        loaded = -1
        for sequence, columns, batch, rows in self.pieces():
            first = rows[0] == 0 and (not self.shared or batch[0] == 0)
            loaded += first
            x, y = lefts[len(tiles) % copies], outs[len(tiles) % copies]
            w, bias_span = rights[loaded % len(rights)]
            at = sequence[batch[0]]
            loads = [self.load_left(at, batch[1], rows, x)]
            if first:
                loads += self.load_right(at, batch[1], columns, w, bias_span)
            size = Cut(batch[1], rows[1], columns[1])
            key = (size, x, y, w)
            if key not in cache:
                emitter = Emitter(self.chip)
                space = Scratch(self.chip, scratch)
                self.run(emitter, space, size, x, w, y, bias_span)
                cache[key] = emitter.done()
            stores = (self.store(at, batch[1], rows, columns, y),)
            tiles.append(Tile(tuple(loads), cache[key], stores))
        return pipeline(tiles) if cut.doubled else serial(tiles)

    def pieces(self) -> Iterator[tuple[list[Offsets], Piece, Piece, Piece]]:
        """All tiles in order: heads that are loaded by themselves, columns, batch, rows."""
        product, cut = self.product, self.cut
        for sequence in self.sequences:
            for columns in chunks(product.n, cut.columns):
                for batch in chunks(len(sequence), cut.batch):
                    for rows in chunks(product.m, cut.rows):
                        yield sequence, columns, batch, rows

    def run(
        self,
        emitter: Emitter,
        scratch: Scratch,
        cut: Cut,
        left: LmemSpan,
        right: LmemSpan,
        out: LmemSpan,
        bias: LmemSpan,
    ) -> None:
        """Instructions of one tile."""
        product, chip = self.product, self.chip
        inputs = [
            local_at(chip, self.left_shape(cut.batch, cut.rows), product.dtype, left),
            local_at(chip, self.right_shape(cut.batch, cut.columns), product.dtype, right),
        ]
        if product.bias is not None:
            inputs.append(local_at(chip, (1, 1, 1, cut.columns), product.bias, bias))
        result = local_at(
            chip, self.out_shape(cut.batch, cut.rows, cut.columns), product.result, out
        )
        sized = replace(product, n=cut.columns, heads=self.heads)
        multiply(emitter, scratch, sized, Work(tuple(inputs), (result,)), spread_bias=False)

    # -- transfers -------------------------------------------------------------------------

    def spacing(self, operand: int) -> int:
        """Elements from one batch element of an operand to the next."""
        if len(self.offsets) < 2:
            return 0
        a, b = self.offsets[:2]
        return (b.left - a.left, b.right - a.right, b.result - a.result)[operand]

    def load_left(self, at: Offsets, batch: int, rows: Piece, span: LmemSpan) -> Transfer:
        """Rows of the left operand."""
        product = self.product
        heads, k = product.heads, product.k
        pitch = product.m if self.attrs.left_transpose else heads * k
        start = rows[0] * (1 if self.attrs.left_transpose else pitch)
        shape = self.left_shape(batch, rows[1])
        strides = (self.spacing(0), pitch, k if heads > 1 else shape[3], 1)
        box = GmemBox(0, at.left + start, shape, strides)
        return load(
            self.chip, box, product.dtype, local_at(self.chip, shape, product.dtype, span).span
        )

    def load_right(
        self, at: Offsets, batch: int, columns: Piece, span: LmemSpan, bias_span: LmemSpan
    ) -> list[Transfer]:
        """Columns of the right operand, and their bias in every lane."""
        product, chip = self.product, self.chip
        turned, heads = self.attrs.right_transpose, product.heads
        row = product.k if turned else product.n
        start = columns[0] * (row if turned else 1)
        shape = self.right_shape(batch, columns[1])
        strides = (self.spacing(1), heads * row, row, 1)
        if heads == 1:
            strides = (self.spacing(1), row, shape[3], 1)
        box = GmemBox(1, at.right + start, shape, strides)
        loads = [load(chip, box, product.dtype, local_at(chip, shape, product.dtype, span).span)]
        if product.bias is not None:
            vector = GmemBox(2, columns[0], (1, columns[1]), (product.n, 1))
            loads.append(load_broadcast(chip, vector, product.bias, bias_span))
        return loads

    def store(
        self, at: Offsets, batch: int, rows: Piece, columns: Piece, span: LmemSpan
    ) -> Transfer:
        """A tile of the result."""
        product = self.product
        shape = self.out_shape(batch, rows[1], columns[1])
        pitch = product.heads * product.n
        start = at.result + rows[0] * pitch + columns[0]
        inner = product.n if product.heads > 1 else shape[3]
        box = GmemBox(output(), start, shape, (self.spacing(2), pitch, inner, 1))
        used = local_at(self.chip, shape, product.result, span).span
        return store(self.chip, box, product.result, used)


_NOWHERE = LmemSpan(-1, 0, 0)


def global_schedule(site: OpSite, product: Product, chip: Chip) -> Schedule:
    """A product alone.

    Raises
    ------
    InfeasibleError
        If one round of rows and one EU word of columns do not fit local memory.
    """
    return CubeProduct(site, folded(site, product), chip).schedule()
