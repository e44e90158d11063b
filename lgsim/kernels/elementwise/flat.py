"""Element-wise ops alone: flat tensors cut into blocks of rows spread over the lanes.

The vendor's element-wise global layers see a tensor as one long row. They move blocks of
lanes × width elements by matrix commands, give every buffer the same whole number of banks,
cut at least twice so that the engines overlap, and treat the ragged end as a tile of its own
(reference/commands: Cast, Active, Add, MulConst layers).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from lgsim.errors import InfeasibleError
from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Kernel, Local, Work
from lgsim.kernels.commands.dma import load_broadcast, load_matrix, output, store_matrix
from lgsim.kernels.commands.tiling import Tile, ceil_div, lane_bytes, pipeline, round_up
from lgsim.kernels.commands.vector import Scratch
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Transfer
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Rule
from lgsim.target.chip import Chip

ROW_BYTES = 1024
"""Bytes of a lane in one row: 256 floats in Add and Active layers (reference/commands)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Part of a flat tensor: `n` rows of `c` lanes with `w` elements each, `count` in all."""

    start: int
    count: int
    n: int
    c: int
    w: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As a local tensor."""
        return self.n, self.c, 1, self.w

    def box(self, operand: int) -> GmemBox:
        """The same elements in global memory, as a matrix of n rows."""
        row = self.count // self.n
        return GmemBox(operand, self.start, (self.n, row), (row, 1))


def cut(chip: Chip, elements: int, width: int, fit: int, least: int = 2) -> list[Block]:
    """Blocks of a flat tensor.

    Parameters
    ----------
    elements : int
        Elements of the tensor.
    width : int
        Elements of a lane in one row.
    fit : int
        Rows that fit the buffers.
    least : int
        Tiles to make at least, once there is more than one row.
    """
    row = chip.lanes * width
    if elements <= row:
        width = ceil_div(elements, chip.lanes)
        return [Block(0, elements, 1, ceil_div(elements, width), width)]
    rows = ceil_div(elements, row)
    per_tile = ceil_div(rows, max(least, ceil_div(rows, fit)))
    whole, rest = divmod(elements, row)
    blocks = [
        Block(first * row, n * row, n, chip.lanes, width)
        for first in range(0, whole, per_tile)
        for n in (min(per_tile, whole - first),)
    ]
    if rest:
        blocks.append(Block(whole * row, rest, 1, ceil_div(rest, width), width))
    return blocks


def cut_rows(chip: Chip, elements: int, fit: int) -> list[Block]:
    """Blocks that are one row each, as long as one dimension of a command may be.

    `fit` is how many elements of a lane fit the buffers. (MulConst layers of swin_t_f32.)
    """
    row = min(chip.max_dim, fit * chip.lanes)
    width = ceil_div(min(elements, row), chip.lanes)
    return [
        Block(start, count, 1, ceil_div(count, width), width)
        for start in range(0, elements, row)
        for count in (min(row, elements - start),)
    ]


class FlatKernel(Kernel):
    """Kernels that treat every element alike: operands and results of one shape.

    A subclass gives the instructions of a slice and says how many values of the size of a tile
    it needs room for besides operands and results.
    """

    rules: ClassVar[tuple[Rule, ...]] = ()

    rows = True
    """Whether tiles have many rows (else one long one, and no need for two tiles)."""

    def width(self, bits: int) -> int:
        """Elements of a lane in one row; `bits` is the widest element."""
        return ROW_BYTES * 8 // bits

    def registers(self, site: OpSite) -> int:
        """Intermediate values of the size of a tile."""
        del site
        return 0

    def register_bits(self, site: OpSite) -> int:
        """Width of the elements of the intermediate values."""
        del site
        return 0

    def table_bytes(self, site: OpSite, chip: Chip) -> int:
        """Bytes per lane of constants kept in the scratch (coefficients of power series)."""
        del site, chip
        return 0

    def likeness(self, site: OpSite) -> Hashable:
        """Shapes do not matter where they are all the same."""
        if not self.even_channels(site):
            return site
        operands = [(x.type if x.weight else x.type.dtype, x.shared) for x in site.inputs]
        return site.attrs, *operands, *[out.dtype for out in site.outputs]

    def even_planes(self, site: OpSite, chip: Chip) -> tuple[int, ...]:
        """The same operands."""
        del chip
        return self.even_channels(site)

    def even_channels(self, site: OpSite) -> tuple[int, ...]:
        """All operands that are cut, if they have the shape of the result."""
        cut = [i for i, x in enumerate(site.inputs) if not x.weight or self.cuts_weight(site, i)]
        alike = all(site.inputs[i].type.shape == site.outputs[0].shape for i in cut)
        return tuple(cut) if alike else ()

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The instructions of one slice, with intermediate values taken from `scratch`."""
        raise NotImplementedError

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """What the program takes from a scratch without end."""
        scratch = Scratch(chip)
        self.program(site, chip, work, scratch)
        return scratch.used

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """The program, in the scratch of the work."""
        return self.program(site, chip, work, Scratch(chip, work.scratch))

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Blocks of the flat tensor, double-buffered."""
        return flat_schedule(self, site, chip)


def flat_schedule(
    kernel: FlatKernel, site: OpSite, chip: Chip, flat: Sequence[int] | None = None
) -> Schedule:
    """Schedule of an op whose operands `flat` (all by default) and results have one shape.

    The other operands (a scalar, a look-up table) are broadcast to all lanes once, at the start.
    """
    operands = tuple(range(len(site.inputs))) if flat is None else tuple(flat)
    elements = site.outputs[0].elements
    if elements == 0:
        return ()
    types = [site.inputs[i].type.dtype for i in operands] + [out.dtype for out in site.outputs]
    bits = max([dtype.bits for dtype in types] + [kernel.register_bits(site)])
    others = [i for i in range(len(site.inputs)) if i not in operands]
    fixed = sum(round_up(site.inputs[i].type.nbytes, chip.eu_bytes) for i in others)
    layout = Layout.of(kernel, site, chip, len(operands), fixed)
    fit = layout.unit * 8 // bits
    if kernel.rows:
        width = min(kernel.width(bits), chip.max_dim // chip.lanes, max(1, fit))
        blocks = cut(chip, elements, width, fit // width)
    else:
        blocks = cut_rows(chip, elements, fit)
    loads, constants = _constants(site, chip, others, layout)
    tiler = _Tiler(kernel, site, chip, operands, layout, constants)
    tiles = [tiler.tile(i % 2, block) for i, block in enumerate(blocks)]
    return pipeline([replace(tiles[0], loads=loads + tiles[0].loads), *tiles[1:]])


def _constants(
    site: OpSite, chip: Chip, operands: Sequence[int], layout: Layout
) -> tuple[tuple[Transfer, ...], dict[int, Local]]:
    loads: list[Transfer] = []
    locals_: dict[int, Local] = {}
    address = layout.fixed_address
    for k, index in enumerate(operands):
        x = site.inputs[index].type
        span = LmemSpan(2 * (layout.operands + layout.results) + 1 + k, address, x.nbytes)
        address += round_up(x.nbytes, chip.eu_bytes)
        locals_[index] = Local((1, chip.lanes, 1, x.elements), x.dtype, span)
        loads.append(load_broadcast(chip, GmemBox(index, 0, (x.elements,), (1,)), x.dtype, span))
    return tuple(loads), locals_


@dataclass(frozen=True, slots=True)
class Layout:
    """Equal buffers of whole banks: two sets of operands and results, scratch, then constants."""

    unit: int
    operands: int
    results: int
    scratch: LmemSpan | None
    fixed_address: int

    @staticmethod
    def of(
        kernel: FlatKernel, site: OpSite, chip: Chip, operands: int, fixed_bytes: int = 0
    ) -> Layout:
        """Layout for that many moving operands and `fixed_bytes` of constants.

        Raises
        ------
        InfeasibleError
            If a buffer would have less than one row of execution units.
        """
        results = len(site.outputs)
        registers = kernel.registers(site)
        tables = kernel.table_bytes(site, chip)
        extra = tables + fixed_bytes
        moving = 2 * (operands + results)
        banks = (chip.banks - ceil_div(extra, chip.bank_bytes)) // (moving + registers)
        unit = banks * chip.bank_bytes
        if banks < 1:
            unit = (chip.lmem_bytes - extra) // (moving + registers)
            unit -= unit % chip.eu_bytes
        if unit < chip.eu_bytes:
            raise InfeasibleError(
                f"{moving + registers} buffers of {site.kind} do not fit local memory",
                limit=f"{chip.lmem_bytes} bytes per lane",
                hint="use a chip with more local memory",
            )
        nbytes = registers * unit + tables
        scratch = LmemSpan(moving, moving * unit, nbytes) if nbytes else None
        return Layout(unit, operands, results, scratch, moving * unit + nbytes)

    def span(self, index: int, parity: int, nbytes: int) -> LmemSpan:
        """Buffer of operand `index` (results follow the operands) in tiles of that parity."""
        number = 2 * index + parity
        return LmemSpan(number, number * self.unit, nbytes)


@dataclass(frozen=True, slots=True)
class _Tiler:
    """Makes the tile of a block; equal tiles share their instructions."""

    kernel: FlatKernel
    site: OpSite
    chip: Chip
    operands: tuple[int, ...]
    layout: Layout
    constants: dict[int, Local]
    programs: dict[Work, tuple[Instruction, ...]] = field(default_factory=dict)

    def tile(self, parity: int, block: Block) -> Tile:
        """Loads, instructions and stores of a block, in the buffers of that parity."""
        chip, site = self.chip, self.site

        def local(number: int, dtype: DType) -> Local:
            nbytes = lane_bytes(chip, block.shape, dtype)
            return Local(block.shape, dtype, self.layout.span(number, parity, nbytes))

        moving = {i: local(k, site.inputs[i].type.dtype) for k, i in enumerate(self.operands)}
        inputs = moving | self.constants
        outputs = tuple(
            local(len(self.operands) + k, out.dtype) for k, out in enumerate(site.outputs)
        )
        work = Work(tuple(inputs[i] for i in range(len(site.inputs))), outputs, self.layout.scratch)
        if work not in self.programs:
            scratch = Scratch(chip, work.scratch)
            self.programs[work] = self.kernel.program(site, chip, work, scratch)
        return Tile(
            tuple(
                load_matrix(chip, block.box(i), x.dtype, x.span, width=block.w)
                for i, x in moving.items()
            ),
            self.programs[work],
            tuple(
                store_matrix(chip, block.box(output(k)), y.dtype, y.span, width=block.w)
                for k, y in enumerate(outputs)
            ),
        )
