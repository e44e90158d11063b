"""Look-ups and updates by index (inferred: none in reference/commands).

Gather moves whole rows within global memory, as the GDMA's gather does. The others stream: every
operand is read once, every result written once, and the vector unit handles one index per lane and
cycle.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from lgsim.graph.core import Shape, TensorType
from lgsim.graph.ops import (
    Gather,
    GatherElements,
    GatherND,
    OneHot,
    ScatterElements,
    ScatterND,
)
from lgsim.kernels.base import Kernel, Local
from lgsim.kernels.commands.dma import load_matrix, output, store_matrix
from lgsim.kernels.commands.moves import Place, copy
from lgsim.kernels.commands.tiling import ceil_div, chunks
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.schedule import GmemBox, LmemSpan, Schedule, Step, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip
from lgsim.target.timing import gdma


class GatherKernel(Kernel, kinds=(Gather,)):
    """One move of rows; which rows is not known, so that they count as apart in global memory."""

    why_global = "which elements it reads depends on values, so that no slice of them is known"

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """The indices, then the rows."""
        assert isinstance(site.attrs, Gather)
        x, indices, y = site.inputs[0].type, site.inputs[1].type, site.outputs[0]
        if y.elements == 0:
            return ()
        axis = site.attrs.axis
        outer, size, inner = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
        count = indices.elements
        apart = inner * max(1, size // count) if count <= size else 0
        shape: Shape = (outer, count, inner)
        source = Place(0, 0, (size * inner, apart, 1))
        target = Place(output(), 0, (count * inner, inner, 1))
        moves = copy(chip, x.dtype, shape, source, target)
        rows = tuple(_scattered(chip, move, x, inner) for move in moves)
        return (Step(tuple(_stream(chip, 1, indices))), Step(rows))


class StreamKernel(Kernel, kinds=(GatherElements, GatherND, ScatterElements, ScatterND, OneHot)):
    """Reads, one look-up per element that moves, writes."""

    why_global = "which elements it moves depends on values, so that no slice of them is known"

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Operands, then the look-ups, then results, piece by piece."""
        scatter = isinstance(site.attrs, ScatterElements | ScatterND)
        moved = site.inputs[2].type if scatter else site.outputs[0]
        steps = [
            Step(tuple(_stream(chip, index, operand.type)))
            for index, operand in enumerate(site.inputs)
        ]
        if moved.elements:
            width = ceil_div(moved.elements, chip.lanes)
            half = chip.lmem_bytes // 2
            span = LmemSpan(1, half, half)
            emit = Emitter(chip)
            for _, part in chunks(width, chip.max_dim):
                emit.gather("gather", Local((1, chip.lanes, 1, part), moved.dtype, span))
            steps.append(Step((), emit.done()))
        for index, result in enumerate(site.outputs):
            steps.append(Step(tuple(_stream(chip, output(index), result))))
        return tuple(step for step in steps if step.transfers or step.instructions)


def _scattered(chip: Chip, move: Transfer, table: TensorType, inner: int) -> Transfer:
    """The move with the time it takes if its rows of `inner` elements lie all over the table."""
    assert move.destination is not None
    elements = prod(move.destination.shape)
    channels = min(
        gdma.channels_covered(chip, table.dtype, box, gdma.packed_strides(box))
        for box in ((1, 1, 1, table.elements), (1, 1, 1, elements))
    )
    cycles = gdma.transfer_cycles(
        chip,
        gdma.MOVE,
        rows=elements // inner,
        row_bytes=table.dtype.nbytes(inner),
        channels=channels,
    )
    return replace(move, cycles=cycles)


def _stream(chip: Chip, operand: int, type_: TensorType) -> list[Transfer]:
    """All of an operand through local memory, in pieces of half of it."""
    transfers = []
    half = chip.lmem_bytes // 2 * chip.lanes * 8 // type_.dtype.bits
    for start, count in chunks(type_.elements, half):
        width = ceil_div(count, chip.lanes)
        box = GmemBox(operand, start, (1, count), (count, 1))
        nbytes = type_.dtype.nbytes(width)
        if operand < 0:
            span = LmemSpan(1, chip.lmem_bytes // 2, nbytes)
            transfers.append(store_matrix(chip, box, type_.dtype, span, width=width))
        else:
            span = LmemSpan(0, 0, nbytes)
            transfers.append(load_matrix(chip, box, type_.dtype, span, width=width))
    return transfers
