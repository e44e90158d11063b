"""Ops without a kernel of their own: as slow as the memory that holds their operands."""

from __future__ import annotations

from lgsim.graph.core import TensorType
from lgsim.kernels.base import Kernel
from lgsim.kernels.commands.dma import load_matrix, output, store_matrix
from lgsim.kernels.commands.tiling import ceil_div, chunks
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Step, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip

ROW_BYTES = 256
"""Bytes a lane takes of each piece, long enough for the full bandwidth."""


class UnknownKernel(Kernel, kinds=()):
    """Every operand is read once and every result written once; computing costs nothing.

    Operands stream through one half of local memory and results through the other; what is in
    between is not modelled.
    """

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """All loads, then all stores."""
        steps: list[Step] = []
        for index, operand in enumerate(site.inputs):
            for piece in _pieces(chip, operand.type):
                transfer = _move(chip, index, operand.type, *piece)
                steps += [Step((transfer,)), Step((), (_compute(transfer.writes, ()),))]
        for index, result in enumerate(site.outputs):
            for piece in _pieces(chip, result):
                transfer = _move(chip, output(index), result, *piece)
                steps += [Step((), (_compute((), transfer.reads),)), Step((transfer,))]
        return tuple(steps)


def _compute(reads: tuple[LmemSpan, ...], writes: tuple[LmemSpan, ...]) -> Instruction:
    return Instruction("UNKNOWN", "unknown", 0, reads, writes)


UNKNOWN = UnknownKernel()
"""The stand-in for every kind without a kernel."""


def _pieces(chip: Chip, type_: TensorType) -> list[tuple[int, int]]:
    largest = chip.lanes * (chip.lmem_bytes // 2) * 8 // type_.dtype.bits
    return chunks(type_.elements, largest)


def _move(chip: Chip, operand: int, type_: TensorType, start: int, count: int) -> Transfer:
    box = GmemBox(operand, start, (1, count), (type_.elements, 1))
    width = ROW_BYTES * 8 // type_.dtype.bits
    nbytes = min(chip.lmem_bytes // 2, ceil_div(type_.dtype.nbytes(count), chip.lanes))
    if operand < 0:
        span = LmemSpan(1, chip.lmem_bytes // 2, nbytes)
        return store_matrix(chip, box, type_.dtype, span, width=width)
    return load_matrix(chip, box, type_.dtype, LmemSpan(0, 0, nbytes), width=width)
