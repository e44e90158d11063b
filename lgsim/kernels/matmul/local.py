"""Matrix products in local memory: the BDC instructions of a slice.

What surrounds an MM2 was read off the in-group commands of all reference networks: the bias is
broadcast to all lanes and added in place; int8 sums go to int32 and are requantized, in blocks of
one round of lanes for large matrices; a head of an inner batch is copied to and fro where it does
not lie as the cube needs it.
"""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands import cube
from lgsim.kernels.commands.tiling import chunks
from lgsim.kernels.commands.vector import Emitter, Scratch, reshaped
from lgsim.kernels.matmul.product import Product
from lgsim.kernels.schedule import Instruction, LmemSpan
from lgsim.target.chip import Chip
from lgsim.target.timing import bdc

BLOCKED_ELEMENTS = 1 << 16
"""Right operands of more elements are multiplied in row blocks of one round of lanes (int8).

Inferred: the reference commands are blocked from 73,728 elements on and not up to 36,864.
"""


def multiply(
    emitter: Emitter,
    scratch: Scratch,
    product: Product,
    work: Work,
    *,
    spread_bias: bool = True,
    sums: LmemSpan | None = None,
) -> None:
    """Append the instructions of one slice.

    Operands are seen as (batch, rows, heads, columns); the sizes of the slice are taken from the
    result, those along k from `product`.

    Parameters
    ----------
    spread_bias : bool
        Whether the bias still has to be copied to all lanes.
    sums : LmemSpan, optional
        Where int32 sums go; in the scratch by default.
    """
    out = work.outputs[0]
    bias = work.inputs[2] if len(work.inputs) > 2 else None
    if bias is not None and spread_bias:
        bias = _spread(emitter, product, bias)
    start = len(emitter.instructions)
    if product.requant:
        _integer(emitter, scratch, product, work, bias, sums)
    else:
        _float(emitter, scratch, product, work)
        if bias is not None:
            emitter.ar("add_bias", out, bias, out)
    if product.relu and not product.requant:
        emitter.ar("relu", out, out)
    assert len(emitter.instructions) > start


def is_blocked(product: Product) -> bool:
    """Whether an int8 product is computed in row blocks of one round of lanes."""
    return product.k * product.n > BLOCKED_ELEMENTS and product.heads == 1


def _spread(emitter: Emitter, product: Product, bias: Local) -> Local:
    """The bias in every lane, where it lies in one (reference/commands: in place)."""
    assert product.bias is not None
    everywhere = Local((1, 1, 1, product.n), product.bias, bias.span)
    chip = emitter.chip
    cycles = bdc.lane_broadcast_cycles(chip, product.bias, n=1, h=1, w=product.n, in_place=True)
    emitter.instructions.append(
        Instruction("LANE_BC", "l_bc", cycles, (bias.span,), (everywhere.span,))
    )
    return everywhere


def _float(emitter: Emitter, scratch: Scratch, product: Product, work: Work) -> None:
    start = len(emitter.instructions)
    copies = HeadCopies(emitter, scratch, work, product.heads)
    for head in range(product.heads):
        copies.before(head)
        _product(emitter, product, copies, head, copies.result(head).span, work.outputs[0].shape[1])
        copies.after(head)
    _repeat(emitter, start, work.outputs[0].shape[0])


def _repeat(emitter: Emitter, start: int, times: int) -> None:
    """The instructions of one batch element once for each: only their addresses differ."""
    emitter.instructions += emitter.instructions[start:] * (times - 1)


def _product(
    emitter: Emitter, product: Product, copies: HeadCopies, head: int, out: LmemSpan, rows: int
) -> None:
    reads = (copies.operand(0, head).span, copies.operand(1, head).span)
    emitter.instructions.append(
        cube.product(emitter.chip, out, product.dtype, reads, m=rows, k=product.k, n=product.n)
    )


class HeadCopies:
    """Copies of heads that do not lie as the cube needs them.

    A head can stay where it lies if its rows need one round of lanes only and it starts at an EU
    word. All heads share the room for the copies; that of the result may be given,
    and then no head is written in its place at once (reference/commands: swin_t_int8).
    """

    def __init__(
        self,
        emitter: Emitter,
        scratch: Scratch,
        work: Work,
        heads: int,
        result: LmemSpan | None = None,
    ) -> None:
        self.emitter = emitter
        self.operands = [work.input(0), work.input(1), work.outputs[0]]
        self.pieces: list[Local | None] = []
        self.together = (False, False, result is not None)
        for operand in self.operands:
            _, rows, _, width = operand.shape
            moved = heads > 1 and any(self.misplaced(operand, head) for head in range(heads))
            shape = (1, rows, 1, width)
            if moved and result is not None and len(self.pieces) == 2:
                self.pieces.append(Local(shape, operand.dtype, result))
            else:
                self.pieces.append(scratch.local(shape, operand.dtype) if moved else None)

    def misplaced(self, operand: Local, head: int) -> bool:
        """Whether a head of an operand has to be copied."""
        return _misplaced(self.emitter.chip, operand, head)

    def operand(self, index: int, head: int) -> Local:
        """An operand of a head (2: the result) where the cube reads or writes it."""
        operand, piece = self.operands[index], self.pieces[index]
        if piece is not None and (self.together[index] or self.misplaced(operand, head)):
            return piece
        return operand

    def result(self, head: int) -> Local:
        """Where the result of a head goes at first."""
        out = self.operand(2, head)
        return reshaped(out, (1, out.shape[1], 1, out.shape[3]))

    def before(self, head: int) -> None:
        """Copy the operands of a head."""
        for index in range(2):
            piece = self.operand(index, head)
            if piece is not self.operands[index]:
                self.emitter.ar("copy", piece, replace(piece, span=self.operands[index].span))

    def after(self, head: int) -> None:
        """Copy the result of a head to its place."""
        piece = self.operand(2, head)
        if piece is not self.operands[2]:
            self.emitter.ar("copy", replace(piece, span=self.operands[2].span), piece)


def _misplaced(chip: Chip, operand: Local, head: int) -> bool:
    offset = operand.dtype.nbytes(head * operand.shape[3])
    return operand.shape[1] > chip.lanes or offset % chip.eu_bytes != 0


def _integer(
    emitter: Emitter,
    scratch: Scratch,
    product: Product,
    work: Work,
    bias: Local | None,
    sums: LmemSpan | None,
) -> None:
    """Int8: every product goes to int32 sums, which the bias joins, and is requantized.

    A head that is moved afterwards is requantized in place.
    """
    chip, out = emitter.chip, work.outputs[0]
    n, m = out.shape[:2]
    blocks = chunks(m, chip.lanes) if is_blocked(product) else [(0, m)]
    largest = (1, blocks[0][1], 1, product.n)
    room = scratch.local(largest, DType.I32) if sums is None else Local(largest, DType.I32, sums)
    copies = HeadCopies(emitter, scratch, work, product.heads, room.span)
    start = len(emitter.instructions)
    for head in range(product.heads):
        copies.before(head)
        for _, rows in blocks:
            shape = (1, rows, 1, product.n)
            part = reshaped(room, shape)
            _product(emitter, product, copies, head, part.span, rows)
            if bias is not None:
                emitter.ar("add_bias", part, bias, part)
            _requant(emitter, part, reshaped(copies.result(head), shape))
        copies.after(head)
    _repeat(emitter, start, n)


def _requant(emitter: Emitter, sums: Local, out: Local) -> None:
    n, c, h, w = out.shape
    in_place = sums.span.address == out.span.address
    cycles = bdc.requant_cycles(emitter.chip, DType.I32, n=n, c=c, h=h, w=w, in_place=in_place)
    emitter.instructions.append(Instruction("RQDQ", "requant", cycles, (sums.span,), (out.span,)))
