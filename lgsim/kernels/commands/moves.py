"""Strided copies within global memory, as few move commands as their dimensions allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.kernels.commands.dma import dense_strides, move
from lgsim.kernels.schedule import GmemBox, Transfer
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Place:
    """A strided view of an operand: where it starts, and the step of each dimension."""

    operand: int
    offset: int
    strides: tuple[int, ...]


def place(
    operand: int, shape: Shape, starts: Sequence[int] | None = None, steps: Sequence[int] = ()
) -> Place:
    """View of a packed operand of `shape` from `starts` on, every `steps`-th element."""
    strides = dense_strides(shape)
    offset = 0 if starts is None else sum(s * k for s, k in zip(starts, strides, strict=True))
    if steps:
        strides = tuple(s * k for s, k in zip(steps, strides, strict=True))
    return Place(operand, offset, strides)


def copy(
    chip: Chip, dtype: DType, shape: Shape, source: Place, target: Place
) -> Iterator[Transfer]:
    """Moves that copy a box of `shape`.

    Dimensions of size 1 disappear and neighbours that are contiguous on both sides merge; of what
    is left the last four dimensions are one command, further ones a loop over commands, as are
    dimensions that are longer than a command may have.
    """
    if 0 in shape:
        return
    dims = _merge(
        [
            (size, near, far)
            for size, near, far in zip(shape, source.strides, target.strides, strict=True)
            if size > 1
        ]
    )
    dims = _fold(dims, chip.max_dim)
    loops, inner = dims[:-4], dims[-4:]
    filled = [(1, 0, 0)] * (4 - len(inner)) + inner
    box = tuple(size for size, _, _ in filled)
    near_strides = _outer(box, tuple(near for _, near, _ in filled))
    far_strides = _outer(box, tuple(far for _, _, far in filled))
    for index in product(*(range(size) for size, _, _ in loops)):
        near = source.offset + sum(i * dim[1] for i, dim in zip(index, loops, strict=True))
        far = target.offset + sum(i * dim[2] for i, dim in zip(index, loops, strict=True))
        yield from _limited(
            chip,
            dtype,
            GmemBox(source.operand, near, box, near_strides),
            GmemBox(target.operand, far, box, far_strides),
        )


def _merge(dims: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    merged: list[tuple[int, int, int]] = []
    for size, near, far in dims:
        if merged:
            before, b_near, b_far = merged[-1]
            if b_near == near * size and b_far == far * size:
                merged[-1] = (before * size, near, far)
                continue
        merged.append((size, near, far))
    return merged


def _fold(dims: list[tuple[int, int, int]], limit: int) -> list[tuple[int, int, int]]:
    """Split a last dimension beyond the limit into two, if it divides; the rest is cut later."""
    if not dims or dims[-1][0] <= limit or len(dims) > 3:
        return dims
    size, near, far = dims[-1]
    row = next((d for d in range(limit, limit // 2, -1) if size % d == 0), 0)
    if not row or size // row > limit:
        return dims
    return [*dims[:-1], (size // row, near * row, far * row), (row, near, far)]


def _outer(box: Shape, strides: tuple[int, ...]) -> tuple[int, ...]:
    """Strides with those of padded dimensions made to enclose what follows."""
    result = list(strides)
    if box[-1] == 1:
        result[-1] = 1
    for i in range(len(box) - 2, -1, -1):
        if box[i] == 1:
            result[i] = result[i + 1] * box[i + 1]
    return tuple(result)


def _limited(chip: Chip, dtype: DType, source: GmemBox, target: GmemBox) -> Iterator[Transfer]:
    for axis, size in enumerate(source.shape):
        if size > chip.max_dim:
            for start in range(0, size, chip.max_dim):
                length = min(chip.max_dim, size - start)
                yield from _limited(
                    chip,
                    dtype,
                    _cut(source, axis, start, length),
                    _cut(target, axis, start, length),
                )
            return
    yield move(chip, source, target, dtype)


def _cut(box: GmemBox, axis: int, start: int, length: int) -> GmemBox:
    shape = (*box.shape[:axis], length, *box.shape[axis + 1 :])
    return GmemBox(box.operand, box.offset + start * box.strides[axis], shape, box.strides)
