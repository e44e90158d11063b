"""Element-wise ops whose operands have different shapes: tiles of (n, c, h, w) with broadcasting.

The vendor's layers keep the dimensions as they are, batch first and channels over the lanes, cut n
and then h until a tile fits its buffers, and load an operand again only when its part changes
(reference/commands: Add of masks and bias tables in swin_t_f32 and swin_t_b8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from lgsim.errors import InfeasibleError
from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.dma import dense_strides, load, load_broadcast, output, store
from lgsim.kernels.commands.tiling import Tile, ceil_div, chunks, lane_bytes, pipeline, round_up
from lgsim.kernels.elementwise.flat import FlatKernel, Layout
from lgsim.kernels.schedule import GmemBox, Instruction, Schedule, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip

Dims = tuple[int, int, int, int]
Range = tuple[int, int]
Dimension = tuple[int, ...]
"""Sizes of one dimension in every operand and, last, in the result."""


def broadcast_schedule(
    kernel: FlatKernel, site: OpSite, chip: Chip, shapes: Sequence[Shape] | None = None
) -> Schedule:
    """Schedule of an op with one result and operands that broadcast to it.

    `shapes` are other views of the operands and, last, of the result.
    """
    if site.outputs[0].elements == 0:
        return ()
    if shapes is None:
        shapes = [x.type.shape for x in site.inputs] + [site.outputs[0].shape]
    dims = dimensions(shapes)
    layout = Layout.of(kernel, site, chip, len(site.inputs))
    return pipeline(list(_Tiler(kernel, site, chip, layout, dims).tiles()))


def dimensions(shapes: Sequence[Shape]) -> list[Dimension]:
    """Dimensions of operands and result, at least four: the last four are n, c, h and w.

    Up to four stay as they are; three are (n, c, w), two are rows over the lanes (c, w). Of more
    than four, those of size 1 go, then trailing and then leading neighbours merge, if every
    operand either has both or neither.
    """
    rank = len(shapes[-1])
    columns = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    dims = list(zip(*columns, strict=True))
    one = (1,) * len(columns)
    while len(dims) > 4 and one in dims:
        dims.remove(one)
    while len(dims) > 4 and _alike(dims[-2], dims[-1]):
        dims[-2:] = [_merged(dims[-2], dims[-1])]
    while len(dims) > 4 and _alike(dims[0], dims[1]):
        dims[:2] = [_merged(dims[0], dims[1])]
    if len(dims) < 4:
        n, c, w = ([one] * 3 + dims)[-3:]
        return [n, c, one, w]
    return dims


def _alike(a: Dimension, b: Dimension) -> bool:
    return all((x == 1) == (y == 1) for x, y in zip(a, b, strict=True))


def _merged(a: Dimension, b: Dimension) -> Dimension:
    return tuple(x * y for x, y in zip(a, b, strict=True))


class _Tiler:
    """Cuts the result into tiles and finds each operand's part of a tile."""

    def __init__(
        self,
        kernel: FlatKernel,
        site: OpSite,
        chip: Chip,
        layout: Layout,
        dims: Sequence[Dimension],
    ) -> None:
        self.kernel, self.site, self.chip, self.layout = kernel, site, chip, layout
        self.dims = dims
        self.outer = tuple(dim[-1] for dim in dims[:-4])
        self.views = [tuple(dim[k] for dim in dims) for k in range(len(dims[0]))]
        self.types = [x.type.dtype for x in site.inputs] + [site.outputs[0].dtype]
        self.work: dict[Work, tuple[Instruction, ...]] = {}

    def tiles(self) -> Iterator[Tile]:
        """Tiles in an order in which operands that lack n or h stay where they are."""
        n, c, h, w = self.views[-1][-4:]
        tn, tc, th, tw = self._size()
        held: list[GmemBox | None] = [None] * len(self.site.inputs)
        slots = [1] * len(held)
        parity = 1
        for place in product(*(range(size) for size in self.outer)):
            for cs, ws, ns, hs in product(
                chunks(c, tc), chunks(w, tw), chunks(n, tn), chunks(h, th)
            ):
                ranges = (*((i, 1) for i in place), ns, cs, hs, ws)
                parity = 1 - parity
                yield self._tile(ranges, held, slots, parity)

    def _size(self) -> Dims:
        """The largest tile that fits: as many n as possible, else rounds of c, else h, else w."""
        n, c, h, w = self.views[-1][-4:]
        lanes = self.chip.lanes
        if tn := self._most(n, (0, c, h, w)):
            return tn, c, h, w
        if tc := self._most(c, (1, 0, h, w)):
            return 1, max(tc // lanes * lanes, min(tc, lanes)), h, w
        if th := self._most(h, (1, min(c, lanes), 0, w)):
            return 1, min(c, lanes), th, w
        if tw := self._most(w, (1, min(c, lanes), 1, 0)):
            # Even pieces: a short rest would lie in a single DDR channel.
            even = round_up(ceil_div(w, ceil_div(w, tw)), self.chip.eu_bytes)
            return 1, min(c, lanes), 1, min(tw, even)
        raise InfeasibleError(
            f"one element of {self.site.kind} per lane does not fit its buffers",
            limit=f"{self.layout.unit} bytes per buffer",
        )

    def _most(self, length: int, tile: Dims) -> int:
        """Largest size, up to `length`, of the dimension given as 0 with which the tile fits."""
        low, high = 0, min(length, self.chip.max_dim)
        while low < high:
            middle = (low + high + 1) // 2
            n, c, h, w = (size or middle for size in tile)
            if self._fits((n, c, h, w)):
                low = middle
            else:
                high = middle - 1
        return low

    def _fits(self, tile: Dims) -> bool:
        if max(tile) > self.chip.max_dim:
            return False
        bits = max(dtype.bits for dtype in self.types)
        widest = DType.F32 if max(bits, self.kernel.register_bits(self.site)) > 16 else DType.I16
        sizes = [
            lane_bytes(self.chip, self._part(k, tile), dtype) for k, dtype in enumerate(self.types)
        ]
        if self.kernel.registers(self.site):
            sizes.append(lane_bytes(self.chip, tile, widest))
        return max(sizes) <= self.layout.unit

    def _tile(
        self,
        ranges: tuple[Range, ...],
        held: list[GmemBox | None],
        slots: list[int],
        parity: int,
    ) -> Tile:
        inputs: list[Local | None] = []
        loads: list[Transfer] = []
        result_box = self._box(-1, ranges)
        lanes = min(result_box.shape[1], self.chip.lanes)
        for k, dtype in enumerate(self.types[:-1]):
            part = self._box(k, ranges)
            shape = _dims(part.shape)
            moved = part != held[k]
            if moved:
                held[k], slots[k] = part, 1 - slots[k]
            span = self.layout.span(k, slots[k], lane_bytes(self.chip, shape, dtype))
            inputs.append(Local(shape, dtype, span))
            if moved:
                everywhere = shape[1] == 1 and lanes > 1
                loads.append((load_broadcast if everywhere else load)(self.chip, part, dtype, span))
        shape, dtype = _dims(result_box.shape), self.types[-1]
        span = self.layout.span(len(inputs), parity, lane_bytes(self.chip, shape, dtype))
        work = Work(tuple(inputs), (Local(shape, dtype, span),), self.layout.scratch)
        if work not in self.work:
            self.work[work] = self.kernel.instructions(self.site, self.chip, work)
        return Tile(tuple(loads), self.work[work], (store(self.chip, result_box, dtype, span),))

    def _part(self, index: int, tile: Sequence[int]) -> Dims:
        """Shape of an operand's part of a tile: what broadcasts, and what differs, is whole."""
        whole = zip(self.views[index][-4:], self.views[-1][-4:], tile, strict=True)
        n, c, h, w = (length if size == full else size for size, full, length in whole)
        return n, c, h, w

    def _box(self, index: int, ranges: tuple[Range, ...]) -> GmemBox:
        """Part of an operand, or of the result (−1), that belongs to the ranges of a tile."""
        view = self.views[index]
        strides = dense_strides(view)
        offset = sum(
            start * stride
            for (start, _), stride, size, full in zip(
                ranges, strides, view, self.views[-1], strict=True
            )
            if size == full
        )
        shape = self._part(index, tuple(length for _, length in ranges[-4:]))
        return GmemBox(output() if index < 0 else index, offset, shape, strides[-4:])


def _dims(shape: Shape) -> Dims:
    n, c, h, w = shape
    return n, c, h, w
