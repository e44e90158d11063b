"""Shared tiling: even cuts, room in local memory, and the double-buffered pipeline of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lgsim.errors import InfeasibleError
from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.schedule import Instruction, LmemSpan, Schedule, Step, Transfer
from lgsim.target.chip import Chip
from lgsim.target.layout import ceil_div as ceil_div
from lgsim.target.layout import round_up as round_up
from lgsim.target.layout import tensor_lane_bytes


def chunks(length: int, size: int) -> list[tuple[int, int]]:
    """(start, length) of the pieces of `length` cut every `size`; the last one may be shorter."""
    return [(start, min(size, length - start)) for start in range(0, length, size)]


def even_chunks(length: int, pieces: int, unit: int = 1) -> list[tuple[int, int]]:
    """(start, length) of at most `pieces` pieces whose sizes differ by no more than one `unit`.

    The first pieces are the longer ones (docs/chip.md §3); all but the last are
    multiples of `unit`.
    """
    units = ceil_div(length, unit)
    pieces = min(pieces, units)
    size, longer = divmod(units, pieces)
    result, start = [], 0
    for index in range(pieces):
        stop = min(length, start + (size + (index < longer)) * unit)
        result.append((start, stop - start))
        start = stop
    return result


def lane_bytes(
    chip: Chip, shape: tuple[int, int, int, int], dtype: DType, aligned: bool = True
) -> int:
    """Bytes per lane of an (n, c, h, w) tensor: n · ⌈c/lanes⌉ planes of h · w elements."""
    n, c, h, w = shape
    return tensor_lane_bytes(chip, dtype, n=n, c=c, h=h, w=w, eu_align=aligned)


class Room:
    """Hands out local memory from the bottom up, in whole banks or 64-byte units.

    Parameters
    ----------
    chip : Chip
        Whose local memory.
    what : str
        What the buffers are for; opens the error when they do not fit.
    """

    def __init__(self, chip: Chip, what: str) -> None:
        self.chip = chip
        self.what = what
        self.end = 0
        self._buffers = 0

    @property
    def bank_bytes(self) -> int:
        """Bytes of one bank of one lane."""
        return self.chip.lmem_bytes // self.chip.banks

    def take(self, nbytes: int, *, bank: bool = False) -> LmemSpan:
        """The next free span of `nbytes`; with `bank`, from the start of a bank.

        Raises
        ------
        InfeasibleError
            If local memory ends before the span does.
        """
        start = round_up(self.end, self.bank_bytes if bank else self.chip.eu_bytes)
        if start + nbytes > self.chip.lmem_bytes:
            missing = start + nbytes - self.chip.lmem_bytes
            raise InfeasibleError(
                f"{self.what} does not fit local memory: {missing} bytes per lane too many",
                limit=f"{self.chip.lmem_bytes} bytes per lane",
                hint="use a smaller batch or input, or a chip with more local memory",
            )
        self.end = start + nbytes
        self._buffers += 1
        return LmemSpan(self._buffers - 1, start, nbytes)

    def pair(self, nbytes: int, *, bank: bool = False) -> tuple[LmemSpan, LmemSpan]:
        """Two equal spans for double buffering."""
        return self.take(nbytes, bank=bank), self.take(nbytes, bank=bank)

    def local(
        self,
        shape: tuple[int, int, int, int],
        dtype: DType,
        *,
        bank: bool = False,
        aligned: bool = True,
    ) -> Local:
        """Room for a tensor slice."""
        nbytes = lane_bytes(self.chip, shape, dtype, aligned)
        return Local(shape, dtype, self.take(nbytes, bank=bank), aligned)


def local_at(chip: Chip, shape: tuple[int, int, int, int], dtype: DType, buffer: LmemSpan) -> Local:
    """A tensor slice at the start of a buffer; its span is as long as the slice."""
    return Local(shape, dtype, head(buffer, lane_bytes(chip, shape, dtype)))


def head(span: LmemSpan, nbytes: int) -> LmemSpan:
    """The first bytes of a span."""
    return LmemSpan(span.buffer, span.address, nbytes)


def part(span: LmemSpan, offset: int, nbytes: int) -> LmemSpan:
    """A piece of `span` that holds a part of the same value."""
    return LmemSpan(span.buffer, span.address + offset, nbytes)


@dataclass(frozen=True, slots=True)
class Tile:
    """One round of a global layer: bring in, compute, take out."""

    loads: tuple[Transfer, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    stores: tuple[Transfer, ...] = ()


def pipeline(tiles: Sequence[Tile]) -> Schedule:
    """Three-stage pipeline: in step r tile r − 2 is stored, tile r loaded, tile r − 1 computed.

    Inputs and outputs must be double-buffered: tile r may use the buffers of tile r − 2. Within a
    step the stores precede the loads (reference/commands: every double-buffered global layer).
    """
    steps = []
    for index in range(len(tiles) + 2):
        transfers: tuple[Transfer, ...] = ()
        if index >= 2:
            transfers += tiles[index - 2].stores
        if index < len(tiles):
            transfers += tiles[index].loads
        instructions = tiles[index - 1].instructions if 1 <= index <= len(tiles) else ()
        if transfers or instructions:
            steps.append(Step(transfers, instructions))
    return tuple(steps)


def half_pipeline(tiles: Sequence[Tile]) -> Schedule:
    """Two-stage pipeline for one output buffer: store a tile, then compute the next beside a load.

    Inputs must be double-buffered, the output need not be: the result of tile r is stored before
    tile r + 1 computes (reference/commands: int8 pooling of swin_t_b8).
    """
    steps: list[Step] = [Step(tiles[0].loads)] if tiles else []
    for index, tile in enumerate(tiles):
        ahead = tiles[index + 1].loads if index + 1 < len(tiles) else ()
        steps.append(Step(ahead, tile.instructions))
        steps.append(Step(tile.stores))
    return tuple(step for step in steps if step.transfers or step.instructions)


def serial(tiles: Sequence[Tile]) -> Schedule:
    """No overlap: every tile is loaded, computed and stored before the next; buffers are reused."""
    steps: list[Step] = []
    for tile in tiles:
        steps += [Step(tile.loads), Step((), tile.instructions), Step(tile.stores)]
    return tuple(step for step in steps if step.transfers or step.instructions)
