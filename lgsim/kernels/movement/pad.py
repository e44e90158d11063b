"""Pad: the interior is moved, the border stored from a constant or moved from the interior.

Inferred: no Pad in reference/commands. A constant border is written from local memory, which is
filled once; reflected, repeated and wrapped borders are strided moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from lgsim.graph.ops import Pad
from lgsim.kernels.base import Kernel
from lgsim.kernels.commands.dma import dense_strides, fill, output, store
from lgsim.kernels.commands.moves import Place, copy, place
from lgsim.kernels.schedule import GmemBox, LmemSpan, Schedule, Step, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip


class PadKernel(Kernel, kinds=(Pad,)):
    """Interior and border."""

    why_global = "a padded slice would need a border wherever the tensor ends, and nowhere else"

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """A fill of local memory and stores of the border, or moves only."""
        assert isinstance(site.attrs, Pad)
        attrs, x = site.attrs, site.inputs[0].type
        if not any(attrs.pads):
            return ()
        if attrs.mode == "constant":
            return self._constant(site, chip)
        rank = len(x.shape)
        pieces = [
            _pieces(attrs.mode, size, attrs.pads[i], attrs.pads[rank + i])
            for i, size in enumerate(x.shape)
        ]
        shape, dtype = site.outputs[0].shape, x.dtype
        near, far = dense_strides(x.shape), dense_strides(shape)
        moves: list[Transfer] = []
        for combination in product(*pieces):
            offset = sum(p.source * s for p, s in zip(combination, near, strict=True))
            strides = tuple(p.step * s for p, s in zip(combination, near, strict=True))
            target = sum(p.target * s for p, s in zip(combination, far, strict=True))
            box = tuple(p.size for p in combination)
            moves += copy(chip, dtype, box, Place(0, offset, strides), Place(output(), target, far))
        return (Step(tuple(moves)),)

    def _constant(self, site: OpSite, chip: Chip) -> Schedule:
        assert isinstance(site.attrs, Pad)
        attrs, x, y = site.attrs, site.inputs[0].type, site.outputs[0]
        rank = len(x.shape)
        before = attrs.pads[:rank]
        interior = tuple(
            copy(chip, x.dtype, x.shape, place(0, x.shape), place(output(), y.shape, before))
        )
        bank = chip.bank_bytes
        lane = LmemSpan(0, 0, bank)
        room = bank * 8 // y.dtype.bits * chip.lanes
        border = tuple(
            store(chip, box, y.dtype, lane)
            for start, size in _border(attrs.pads, x.shape)
            for box in _stores(chip, y.shape, start, size, room)
        )
        filled = fill(chip, (1, chip.lanes, 1, bank * 8 // y.dtype.bits), y.dtype, lane)
        return (Step((filled, *border, *interior)),)


class _Piece:
    """A stretch of one dimension: `size` elements to `target` from `source` on, by `step`."""

    __slots__ = ("size", "source", "step", "target")

    def __init__(self, target: int, size: int, source: int, step: int) -> None:
        self.target, self.size, self.source, self.step = target, size, source, step


def _pieces(mode: str, size: int, before: int, after: int) -> list[_Piece]:
    pieces = [_Piece(before, size, 0, 1)]
    if mode == "edge":
        pieces += [_Piece(0, before, 0, 0), _Piece(before + size, after, size - 1, 0)]
    elif mode == "reflect":
        # The order is reversed; the elements are the same as those of the stretch read forwards.
        pieces += [_Piece(0, before, 1, 1), _Piece(before + size, after, size - 1 - after, 1)]
    else:
        for start, length, source in (
            (0, before, (-before) % size),
            (before + size, after, 0),
        ):
            pieces += _wrapped(start, length, source, size)
    return [piece for piece in pieces if piece.size]


def _wrapped(start: int, length: int, source: int, size: int) -> list[_Piece]:
    pieces = []
    while length:
        run = min(length, size - source)
        pieces.append(_Piece(start, run, source, 1))
        start, length, source = start + run, length - run, 0
    return pieces


def _border(pads: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[list[int], list[int]]]:
    """Boxes (start, size) that cover the border once: by dimension, outer ones whole."""
    rank = len(shape)
    full = [size + pads[i] + pads[rank + i] for i, size in enumerate(shape)]
    starts, sizes = [0] * rank, list(full)
    for axis in range(rank):
        for start, length in ((0, pads[axis]), (pads[axis] + shape[axis], pads[rank + axis])):
            if length:
                box_start, box_size = list(starts), list(sizes)
                box_start[axis], box_size[axis] = start, length
                yield box_start, box_size
        starts[axis], sizes[axis] = pads[axis], shape[axis]


def _stores(
    chip: Chip, shape: tuple[int, ...], start: list[int], size: list[int], room: int
) -> Iterator[GmemBox]:
    """Boxes of at most four dimensions and `room` elements."""
    strides = dense_strides(shape)
    offset = sum(s * k for s, k in zip(start, strides, strict=True))
    dims = [(n, s) for n, s in zip(size, strides, strict=True) if n > 1]
    merged: list[tuple[int, int]] = []
    for n, s in dims:
        if merged and merged[-1][1] == n * s:
            merged[-1] = (merged[-1][0] * n, s)
        else:
            merged.append((n, s))
    yield from _fitting(chip, offset, merged, room)


def _fitting(chip: Chip, offset: int, dims: list[tuple[int, int]], room: int) -> Iterator[GmemBox]:
    elements = 1
    for n, _ in dims:
        elements *= n
    if len(dims) <= 4 and elements <= room and max([n for n, _ in dims], default=1) <= chip.max_dim:
        pad = [(1, dims[0][0] * dims[0][1] if dims else 1)] * (4 - len(dims))
        box = pad + dims
        yield GmemBox(-1, offset, tuple(n for n, _ in box), tuple(s for _, s in box))
        return
    (n, s), inner = dims[0], dims[1:]
    rest = max(1, elements // n)
    run = 1 if len(dims) > 4 else max(1, min(room // rest, chip.max_dim, n - 1))
    for first in range(0, n, run):
        length = min(run, n - first)
        piece = [(length, s), *inner] if length > 1 else inner
        yield from _fitting(chip, offset + first * s, piece, room)
