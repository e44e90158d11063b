"""Ops along one axis: (outer, size, inner) with outer or inner over the lanes (inferred tiling).

The vendor's commands show reductions only inside Softmax and LayerNorm and as pooling; alone, they
get the same treatment: whole lines in local memory, double-buffered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

from lgsim.errors import InfeasibleError
from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.commands.dma import load, store
from lgsim.kernels.commands.tiling import Tile, ceil_div, chunks, lane_bytes, pipeline, round_up
from lgsim.kernels.commands.vector import Emitter, reshaped
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one operand along an axis, and what becomes of each.

    Attributes
    ----------
    outer, size, inner : int
        Elements before the axis, on it, and after it.
    dtype : DType
        Element type of the operand.
    source : int
        Operand the lines are read from.
    targets : tuple of (int, int, DType)
        Per result: operand, elements on the axis, element type.
    registers : int
        Intermediate values of the size of the operand, as 32-bit numbers.
    """

    outer: int
    size: int
    inner: int
    dtype: DType
    source: int
    targets: tuple[tuple[int, int, DType], ...]
    registers: int = 1

    @staticmethod
    def around(shape: Shape, axis: int) -> Shape:
        """(outer, size, inner) of a tensor along an axis."""
        return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


@dataclass(slots=True)
class Line:
    """The lines of one tile in local memory: along h if rows are over the lanes, else along n."""

    emit: Emitter
    x: Local
    outputs: tuple[Local, ...]
    free: tuple[Local, ...]
    along_n: bool

    def combine(self, name: str, out: Local, x: Local) -> None:
        """Reduce lines to one element each by pooling, or by arithmetic along n."""
        if not self.along_n:
            self.emit.pool(f"{name}pooling", out, x, (x.shape[2], 1))
            return
        plane = (1, *x.shape[1:])
        self.emit.ar("copy", out, reshaped(x, plane))
        for _ in range(x.shape[0] - 1):
            self.emit.ar(name, out, out, reshaped(x, plane))


class LineProgram:
    """What is done with the lines of a tile."""

    def run(self, line: Line) -> None:
        """Emit the instructions."""
        raise NotImplementedError


@dataclass(slots=True)
class LineTiler:
    """Cuts the lines into tiles."""

    chip: Chip
    lines: Lines
    program: LineProgram
    what: str
    largest: tuple[int, int, int, int] = (0, 0, 0, 0)
    cache: dict[tuple[Shape, int], tuple[Instruction, ...]] = field(default_factory=dict)

    def fits(self, rows: int, run: int) -> bool:
        """Whether tiles of so many rounds of rows and so many inner elements fit."""
        return self._layout(self._shape(rows, run))[-1] <= self.chip.lmem_bytes

    @property
    def along_n(self) -> bool:
        """Whether inner elements lie over the lanes: where that keeps more of them busy.

        Each element of a line begins a word of its own there, so that long lines do not fit.
        """
        lines, chip = self.lines, self.chip
        results = sum(size for _, size, _ in lines.targets)
        words = (2 + lines.registers) * lines.size + 2 * results
        busier = lines.inner > 1 and lines.outer * 2 < min(chip.lanes, lines.inner)
        return busier and words * chip.eu_bytes <= chip.lmem_bytes

    def _shape(self, rows: int, run: int) -> tuple[int, int, int, int]:
        if self.along_n:
            return self.lines.size, min(self.chip.lanes, self.lines.inner), 1, run
        return 1, rows, self.lines.size, run

    def _layout(self, shape: tuple[int, int, int, int]) -> list[int]:
        """Start of each buffer: operand and results twice, then registers; last the end."""
        chip, lines = self.chip, self.lines
        sizes = [lane_bytes(chip, shape, lines.dtype)] * 2
        for _, size, dtype in lines.targets:
            sizes += [lane_bytes(chip, self._result(shape, size), dtype)] * 2
        sizes += [lane_bytes(chip, shape, DType.F32)] * lines.registers
        starts = [0]
        for size in sizes:
            starts.append(starts[-1] + round_up(size, chip.eu_bytes))
        return starts

    def _result(self, shape: tuple[int, int, int, int], size: int) -> tuple[int, int, int, int]:
        n, c, h, w = shape
        return (size, c, h, w) if self.along_n else (n, c, size, w)

    def schedule(self) -> Schedule:
        """Tiles of rows, or of inner elements.

        Raises
        ------
        InfeasibleError
            If one line per lane does not fit.
        """
        chip, lines = self.chip, self.lines
        if lines.outer * lines.size * lines.inner == 0:
            return ()
        run = ceil_div(lines.inner, chip.lanes) if self.along_n else lines.inner
        rows = 1 if self.along_n else min(lines.outer, chip.lanes)
        while run > 1 and not self.fits(rows, run):
            run = ceil_div(run, 2)
        if not self.fits(rows, run) or max(self._shape(rows, run)) > chip.max_dim:
            raise InfeasibleError(
                f"lines of {lines.size} elements of {self.what} do not fit local memory",
                limit=f"{chip.lmem_bytes} bytes per lane",
                hint="use a shorter axis, or a chip with more local memory",
            )
        while not self.along_n and rows < lines.outer and self.fits(2 * rows, run):
            rows = min(2 * rows, lines.outer, chip.max_dim)
            if rows == chip.max_dim:
                break
        self.largest = self._shape(rows, run)
        pieces = self._along_n_pieces(run) if self.along_n else self._row_pieces(rows, run)
        return pipeline([self._tile(*piece, i % 2) for i, piece in enumerate(pieces)])

    def parts(self) -> int:
        """Into how many equal parts to cut lines so that they fit; 1 if they do, 0 if none does.

        If they have to be cut, then so that at least half of the lanes get a part.
        """
        found = 0
        for parts in (p for p in range(1, self.lines.size) if self.lines.size % p == 0):
            if found and self.lines.outer * parts > self.chip.lanes:
                break
            if self._fits_in(parts):
                found = parts
                if parts == 1 or self.lines.outer * parts * 2 >= self.chip.lanes:
                    break
        return found

    def _fits_in(self, parts: int) -> bool:
        size = self.lines.size // parts
        shorter = replace(self.lines, outer=self.lines.outer * parts, size=size)
        return size <= self.chip.max_dim and replace(self, lines=shorter, cache={}).fits(1, 1)

    def _row_pieces(self, rows: int, run: int) -> Iterator[tuple[Shape, int, int, int]]:
        """(shape, row, first inner element, inner run) of the tiles with rows over the lanes."""
        for start, count in chunks(self.lines.outer, rows):
            for first, width in chunks(self.lines.inner, run):
                yield (1, count, self.lines.size, width), start, first, 0

    def _along_n_pieces(self, run: int) -> Iterator[tuple[Shape, int, int, int]]:
        for row in range(self.lines.outer):
            for first, length in chunks(self.lines.inner, run * self.chip.lanes):
                lanes, rest = divmod(length, run)
                if lanes:
                    yield (self.lines.size, lanes, 1, run), row, first, run
                if rest:
                    yield (self.lines.size, 1, 1, rest), row, first + lanes * run, rest

    def _tile(self, shape: Shape, row: int, first: int, run: int, parity: int) -> Tile:
        lines, chip = self.lines, self.chip
        n, c, h, w = shape
        tile = (n, c, h, w)
        starts = self._layout(self.largest)
        x = self._local(parity, starts, tile, lines.dtype)
        outputs = tuple(
            self._local(2 + 2 * k + parity, starts, self._result(tile, size), dtype)
            for k, (_, size, dtype) in enumerate(lines.targets)
        )
        key = (shape, parity)
        if key not in self.cache:
            base = 2 + 2 * len(lines.targets)
            free = tuple(
                self._local(base + k, starts, tile, DType.F32) for k in range(lines.registers)
            )
            emit = Emitter(chip)
            self.program.run(Line(emit, x, outputs, free, self.along_n))
            self.cache[key] = emit.done()
        loads = (
            load(
                chip, self._box(lines.source, lines.size, x, row, first, run), lines.dtype, x.span
            ),
        )
        stores = tuple(
            store(chip, self._box(operand, size, y, row, first, run), dtype, y.span)
            for (operand, size, dtype), y in zip(lines.targets, outputs, strict=True)
        )
        return Tile(loads, self.cache[key], stores)

    def _local(
        self, index: int, starts: list[int], shape: tuple[int, int, int, int], dtype: DType
    ) -> Local:
        nbytes = lane_bytes(self.chip, shape, dtype)
        return Local(shape, dtype, LmemSpan(index, starts[index], nbytes))

    def _box(
        self, operand: int, size: int, local: Local, row: int, first: int, run: int
    ) -> GmemBox:
        inner = self.lines.inner
        offset = row * size * inner + first
        if self.along_n:
            return GmemBox(operand, offset, local.shape, (inner, run, run, 1))
        return GmemBox(operand, offset, local.shape, (size * inner, size * inner, inner, 1))


def staged_schedule(
    chip: Chip, lines: Lines, program: LineProgram, left: int, what: str, workspace: int
) -> Schedule:
    """Schedule of lines, in two stages if they are too long for local memory.

    The first stage leaves `left` elements of each part of a line in the intermediate tensor
    `workspace`, the second one works on those.
    """
    tiler = LineTiler(chip, lines, program, what)
    parts = tiler.parts()
    if parts < 2 or lines.size // parts <= left:
        return tiler.schedule()
    first = replace(
        lines,
        outer=lines.outer * parts,
        size=lines.size // parts,
        targets=((workspace, left, lines.dtype),),
    )
    second = replace(lines, size=parts * left, source=workspace)
    return (
        *LineTiler(chip, first, program, what).schedule(),
        *staged_schedule(chip, second, program, left, what, workspace + 1),
    )
