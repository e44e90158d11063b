"""Builders of GDMA commands from boxes of global memory: one function per command of the engine.

A *tensor* command moves an (n, c, h, w) box with channels spread over lanes, a *matrix* command
rows whose columns are spread over lanes, a *broadcast* copies one row to every lane, and a *move*
goes from global memory to global memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lgsim.graph.dtypes import DType
from lgsim.kernels.schedule import Direction, GmemBox, LmemSpan, Transfer
from lgsim.target.chip import Chip
from lgsim.target.timing import gdma


def output(index: int = 0) -> int:
    """How a `GmemBox` names output `index` of the op."""
    return ~index


def dense_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides of a packed tensor, in elements."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def offset_of(start: Sequence[int], strides: Sequence[int]) -> int:
    """Elements in front of the element with index `start`."""
    return sum(map(int.__mul__, start, strides))


def box(
    operand: int,
    shape: Sequence[int],
    start: Sequence[int] | None = None,
    size: Sequence[int] | None = None,
) -> GmemBox:
    """The part of a packed tensor of `shape` that begins at `start` and has `size` elements.

    Without `start` and `size`, all of it.
    """
    strides = dense_strides(shape)
    offset = 0 if start is None else offset_of(start, strides)
    return GmemBox(operand, offset, tuple(shape if size is None else size), strides)


def load(chip: Chip, source: GmemBox, dtype: DType, span: LmemSpan) -> Transfer:
    """Tensor load of an (n, c, h, w) box."""
    cycles = _tensor_cycles(chip, Direction.LOAD, source, dtype)
    nbytes = dtype.nbytes(prod(source.shape))
    return Transfer("GDMA_TENSOR", Direction.LOAD, cycles, nbytes, source=source, writes=(span,))


def store(chip: Chip, destination: GmemBox, dtype: DType, span: LmemSpan) -> Transfer:
    """Tensor store of an (n, c, h, w) box."""
    cycles = _tensor_cycles(chip, Direction.STORE, destination, dtype)
    nbytes = dtype.nbytes(prod(destination.shape))
    return Transfer(
        "GDMA_TENSOR", Direction.STORE, cycles, nbytes, destination=destination, reads=(span,)
    )


def load_matrix(
    chip: Chip,
    source: GmemBox,
    dtype: DType,
    span: LmemSpan,
    *,
    width: int,
    transpose: bool = False,
) -> Transfer:
    """Matrix load of a (rows, columns) box; every lane takes `width` columns of each row.

    With `transpose` the box is stored column-wise: it has the rows and columns of global memory,
    local memory gets them swapped, and `width` counts the columns of the result.
    """
    cycles = _matrix_cycles(chip, Direction.LOAD, source, dtype, width, transpose)
    nbytes = dtype.nbytes(prod(source.shape))
    return Transfer("GDMA_MATRIX", Direction.LOAD, cycles, nbytes, source=source, writes=(span,))


def store_matrix(
    chip: Chip, destination: GmemBox, dtype: DType, span: LmemSpan, *, width: int
) -> Transfer:
    """Matrix store of a (rows, columns) box; every lane holds `width` columns of each row."""
    cycles = _matrix_cycles(chip, Direction.STORE, destination, dtype, width, False)
    nbytes = dtype.nbytes(prod(destination.shape))
    return Transfer(
        "GDMA_MATRIX", Direction.STORE, cycles, nbytes, destination=destination, reads=(span,)
    )


def load_broadcast(chip: Chip, source: GmemBox, dtype: DType, span: LmemSpan) -> Transfer:
    """The same values into every lane; only the source bytes count."""
    nbytes = dtype.nbytes(prod(source.shape))
    cycles = gdma.broadcast_cycles(chip, nbytes=nbytes)
    return Transfer("GDMA_BROADCAST", Direction.LOAD, cycles, nbytes, source=source, writes=(span,))


def fill(chip: Chip, shape: Sequence[int], dtype: DType, span: LmemSpan) -> Transfer:
    """A constant into an (n, c, h, w) box of local memory; moves no bytes of global memory."""
    cycles = gdma.constant_cycles(chip, nbytes=dtype.nbytes(prod(shape)))
    return Transfer("GDMA_CONSTANT", Direction.FILL, cycles, 0, writes=(span,))


def move(chip: Chip, source: GmemBox, destination: GmemBox, dtype: DType) -> Transfer:
    """Global memory to global memory, (n, c, h, w) boxes of equal shape, any strides."""
    shape, near = _box4(source)
    far = _box4(destination)[1]
    cycles = gdma.tensor_cycles(
        chip, gdma.MOVE, dtype, shape=shape, strides=near, other_strides=far
    )
    nbytes = dtype.nbytes(prod(source.shape))
    return Transfer(
        "GDMA_TENSOR", Direction.MOVE, cycles, nbytes, source=source, destination=destination
    )


def load_packed(chip: Chip, source: GmemBox, rows: int, row_bytes: int, span: LmemSpan) -> Transfer:
    """Load of packed weights: `rows` lane rows of `row_bytes`, one after the other in memory.

    `source` names the elements of the operand that the packed rows stand for; padding that packing
    adds is in the rows only.
    """
    cycles = gdma.tensor_cycles(chip, gdma.LOAD, DType.I8, shape=(1, rows, 1, row_bytes))
    return Transfer(
        "GDMA_TENSOR", Direction.LOAD, cycles, rows * row_bytes, source=source, writes=(span,)
    )


def _box4(box_: GmemBox) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]]:
    """Shape and strides of a box of exactly four dimensions."""
    n, c, h, w = box_.shape
    return (n, c, h, w), (box_.strides[0], box_.strides[1], box_.strides[2], box_.strides[3])


def _tensor_cycles(chip: Chip, direction: Direction, box_: GmemBox, dtype: DType) -> int:
    shape, strides = _box4(box_)
    return gdma.tensor_cycles(chip, direction.value, dtype, shape=shape, strides=strides)


def _matrix_cycles(
    chip: Chip, direction: Direction, box_: GmemBox, dtype: DType, width: int, transpose: bool
) -> int:
    rows, columns = box_.shape
    if transpose:
        return gdma.matrix_transpose_cycles(
            chip, direction.value, dtype, rows=rows, columns=columns
        )
    return gdma.matrix_cycles(
        chip, direction.value, dtype, rows=rows, columns=columns, lane_columns=width
    )
