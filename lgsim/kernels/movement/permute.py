"""Permute and what is one: transposes through local memory, or moves within global memory.

Neighbouring dimensions that stay neighbours are merged. Then (reference/commands, every Permute):

- with the last dimension in place and at most four dimensions, one strided move does it;
- else dimensions are taken to the end one after the other, each step being a transpose
  (N, C, M) → (N, M, C) through local memory. If C or M exceeds the lanes, the longer one is spread
  over the lanes and the vector engine gathers the shorter one in each lane; else each lane
  transposes whole matrices of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Depth2Space, Permute, ShuffleChannel
from lgsim.graph.ops.layout import merge_permutation
from lgsim.kernels.base import Kernel, Local
from lgsim.kernels.commands.dma import dense_strides, load, move, output, store
from lgsim.kernels.commands.tiling import Tile, chunks, lane_bytes, pipeline
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.schedule import GmemBox, LmemSpan, Schedule, Step, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip


def transposes(shape: Shape, order: Shape) -> list[Shape]:
    """(N, C, M) of the transposes (N, C, M) → (N, M, C) that make the permutation, in turn.

    The longest increasing start of the order stays; the other dimensions are taken to the end in
    the order in which they come.
    """
    stay = 1
    while stay < len(order) and order[stay] > order[stay - 1]:
        stay += 1
    current = list(range(len(order)))
    steps: list[Shape] = []
    for axis in order[stay:]:
        place = current.index(axis)
        after = current[place + 1 :]
        if after:
            n = prod(shape[a] for a in current[:place])
            steps.append((n, shape[axis], prod(shape[a] for a in after)))
        current = [*current[:place], *after, axis]
    return steps


def permute_schedule(chip: Chip, dtype: DType, shape: Shape, order: Shape, inputs: int) -> Schedule:
    """Schedule of a permutation of operand 0, of that shape, to the first result.

    Intermediate tensors of a chain are operands `inputs`, `inputs` + 1, … in global memory.
    """
    shape, order = merge_permutation(shape, order)
    if order == tuple(range(len(order))):
        return (Step((whole_move(chip, dtype, prod(shape)),)),)
    if order[-1] == len(order) - 1 and len(order) <= 4:
        return (Step((_single_move(chip, dtype, shape, order),)),)
    steps = transposes(shape, order)
    between = range(inputs, inputs + len(steps) - 1)
    schedule: list[Step] = []
    for step, source, target in zip(steps, (0, *between), (*between, output()), strict=True):
        schedule += pipeline(_Transpose(chip, dtype, step, source, target).tiles())
    return tuple(schedule)


def whole_move(chip: Chip, dtype: DType, elements: int) -> Transfer:
    """Operand 0 copied to the result as it is."""
    dims = (1, 1, 1, elements)
    source = GmemBox(0, 0, dims, dense_strides(dims))
    return move(chip, source, GmemBox(output(), 0, dims, dense_strides(dims)), dtype)


def _single_move(chip: Chip, dtype: DType, shape: Shape, order: Shape) -> Transfer:
    """One move in the order of the input; the strides of the result do the permutation."""
    result_strides = dense_strides([shape[axis] for axis in order])
    strides = tuple(result_strides[order.index(axis)] for axis in range(len(order)))
    pad = (1,) * (4 - len(shape))
    far = (shape[0] * strides[0],) * len(pad)
    near = (shape[0] * dense_strides(shape)[0],) * len(pad)
    source = GmemBox(0, 0, pad + shape, near + dense_strides(shape))
    return move(chip, source, GmemBox(output(), 0, pad + shape, far + strides), dtype)


class _Transpose:
    """(N, C, M) → (N, M, C) through local memory, in quarters of it."""

    def __init__(self, chip: Chip, dtype: DType, dims: Shape, source: int, target: int) -> None:
        self.chip, self.dtype = chip, dtype
        self.n, self.c, self.m = dims
        self.source, self.target = source, target
        quarter = chip.lmem_bytes // 4
        self.unit = quarter - quarter % chip.eu_bytes
        self.fit = self.unit * 8 // dtype.bits
        self.count = 0

    def tiles(self) -> list[Tile]:
        """All tiles."""
        if max(self.c, self.m) > self.chip.lanes or self.c * self.m > self.fit:
            return list(self._spread())
        return list(self._whole())

    def _whole(self) -> Iterator[Tile]:
        """Each lane transposes matrices of its own: the batch lies over the lanes."""
        matrix = self.c * self.m
        for start, lanes, rounds in lane_cuts(self.chip, self.n):
            for first, n in chunks(rounds, min(self.fit // matrix, self.chip.max_dim)):
                offset = (start + first * lanes) * matrix
                near = (n, lanes, self.c, self.m)
                far = (n, lanes, self.m, self.c)
                yield self._tile(
                    GmemBox(self.source, offset, near, dense_strides(near)),
                    GmemBox(self.target, offset, far, dense_strides(far)),
                    near,
                    self.c,
                )

    def _spread(self) -> Iterator[Tile]:
        """The longer dimension lies over the lanes, the shorter one is gathered in each."""
        longer, shorter = max(self.c, self.m), min(self.c, self.m)
        for part, width in chunks(shorter, min(self.fit, self.chip.max_dim)):
            longest = max(1, self.fit // width) * self.chip.lanes
            for cut_start, cut_length in chunks(longer, longest):
                for start, lanes, run in lane_cuts(self.chip, cut_length, self.fit // width):
                    batch = min(self.fit // (run * width), self.chip.max_dim // width)
                    for first, n in chunks(self.n, max(1, batch)):
                        yield self._slab(first, n, part, width, cut_start + start, lanes, run)

    def _slab(
        self, first: int, n: int, part: int, width: int, start: int, lanes: int, run: int
    ) -> Tile:
        """One tile: `n` matrices, `width` of the shorter dimension, lanes × run of the longer."""
        c, m = self.c, self.m
        by_element = (n * width, lanes, run, 1)
        by_row = (n, lanes, run, width)
        if m >= c:
            near_offset, far_offset = (first * c + part) * m + start, (first * m + start) * c + part
            near = GmemBox(self.source, near_offset, by_element, (m, run, 1, 1))
            far = GmemBox(self.target, far_offset, by_row, (c * m, run * c, c, 1))
        else:
            near_offset, far_offset = (first * c + start) * m + part, (first * m + part) * c + start
            near = GmemBox(self.source, near_offset, by_row, (c * m, run * m, m, 1))
            far = GmemBox(self.target, far_offset, by_element, (c, run, 1, 1))
        return self._tile(near, far, by_row, run)

    def _tile(
        self, near: GmemBox, far: GmemBox, shape: tuple[int, int, int, int], stride: int
    ) -> Tile:
        parity = self.count % 2
        self.count += 1
        nbytes = lane_bytes(self.chip, shape, self.dtype, aligned=False)
        x, y = (
            Local(shape, self.dtype, LmemSpan(k, k * self.unit, nbytes), aligned=False)
            for k in (parity, 2 + parity)
        )
        emit = Emitter(self.chip)
        emit.ar("copy", y, x, stride=stride)
        return Tile(
            (load(self.chip, near, self.dtype, x.span),),
            emit.done(),
            (store(self.chip, far, self.dtype, y.span),),
        )


def lane_cuts(chip: Chip, length: int, most: int = 1 << 30) -> Iterator[tuple[int, int, int]]:
    """(start, lanes, rounds) of the parts of a dimension that is spread over the lanes.

    The largest divisor up to the number of lanes, so that one command does; where that leaves more
    than half of the lanes idle, or gives each more than `most` rounds, all lanes and a rest.
    """
    lanes = max(d for d in range(1, min(length, chip.lanes) + 1) if length % d == 0)
    if (2 * lanes > chip.lanes or lanes == length) and length // lanes <= most:
        yield 0, lanes, length // lanes
        return
    rounds = length // chip.lanes
    if rounds:
        yield 0, chip.lanes, rounds
    rest = length - rounds * chip.lanes
    if rest:
        yield rounds * chip.lanes, rest, 1


MOVES_BETWEEN_LANES = (
    "it moves elements between lanes, which only the GDMA does, on a way through global memory"
)


class PermuteKernel(Kernel, kinds=(Permute,)):
    """A permutation; nothing at all if only dimensions of size 1 move."""

    why_global = MOVES_BETWEEN_LANES

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Moves or transposes."""
        assert isinstance(site.attrs, Permute)
        x = site.inputs[0].type
        if x.elements == 0 or not site.attrs.moves_data(x.shape):
            return ()
        return permute_schedule(chip, x.dtype, x.shape, site.attrs.order, len(site.inputs))


class ShuffleChannelKernel(Kernel, kinds=(ShuffleChannel,)):
    """A permutation of (N, group, C/group, rest)."""

    why_global = MOVES_BETWEEN_LANES

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """One move."""
        assert isinstance(site.attrs, ShuffleChannel)
        x, group = site.inputs[0].type, site.attrs.group
        n, c = x.shape[:2]
        shape = (n, group, c // group, prod(x.shape[2:]))
        return permute_schedule(chip, x.dtype, shape, (0, 2, 1, 3), len(site.inputs))


class Depth2SpaceKernel(Kernel, kinds=(Depth2Space,)):
    """A permutation of the blocks' dimensions (reference/commands: patch merging, one move)."""

    why_global = MOVES_BETWEEN_LANES

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Moves or transposes."""
        assert isinstance(site.attrs, Depth2Space)
        x = site.inputs[0].type
        shape, order = blocks_as_dimensions(site.attrs, x.shape)
        return permute_schedule(chip, x.dtype, shape, order, len(site.inputs))


def blocks_as_dimensions(attrs: Depth2Space, shape: Shape) -> tuple[Shape, Shape]:
    """Shape with the blocks as dimensions of their own, and the order that moves them.

    Dimensions are named n, h and w (blocks), r and s (row and column in a block), and c.
    """
    bh, bw, last = attrs.block_h, attrs.block_w, attrs.channels_last
    n, c, h, w = (shape[0], shape[3], shape[1], shape[2]) if last else shape
    if attrs.inverse:
        h, w = h // bh, w // bw
    else:
        c //= bh * bw
    block = "sr" if attrs.column_first else "rs"
    mixed = block + "c" if attrs.dcr else "c" + block
    pixels, channels = ("nhrwsc", f"nhw{mixed}") if last else ("nchrws", f"n{mixed}hw")
    source, target = (pixels, channels) if attrs.inverse else (channels, pixels)
    sizes = {"n": n, "c": c, "h": h, "w": w, "r": bh, "s": bw}
    return tuple(sizes[name] for name in source), tuple(map(source.index, target))
