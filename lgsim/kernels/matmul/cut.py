"""How a matrix product on the vector unit is cut: rows, k, and columns per lane."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.dtypes import DType
from lgsim.kernels.commands.tiling import ceil_div, chunks, even_chunks, round_up
from lgsim.kernels.matmul.product import Product
from lgsim.target.chip import Chip

EIGHTHS = 8
"""Parts local memory is cut into."""


LANES_SMALL, LANES_LARGE = 16, 24
"""Lanes that the columns are at least folded over: up to one round of rows, and more.

Inferred from the widths chosen for 49 × 768, 128 × 768, 196 × 384 and 197 × 768 results (f32);
single rows are not bound by it.
"""

ROW_STEP = 16
"""Pieces of k are multiples of this many rows."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Pieces of rows and of k, and columns per lane of right operand and result."""

    rows: tuple[tuple[int, int], ...]
    inner: tuple[tuple[int, int], ...]
    width: int


def choose(product: Product, chip: Chip) -> Cut:
    """The widest columns with which whole results fit, then the fewest pieces."""
    eighth = chip.lmem_bytes // EIGHTHS
    wide = sum_type(product)
    m, n, dtype = product.m, product.n, product.dtype
    step = chip.eu_num(DType.I8 if product.integer else dtype)
    least = round_up(ceil_div(n, chip.lanes), step)
    best = max(least, chip.min_row_bytes * 8 // dtype.bits)
    if m > 1:
        lanes = LANES_SMALL if m <= chip.lanes else LANES_LARGE
        best = min(best, max(least, round_up(ceil_div(n, lanes) - step + 1, step)))
        if m > chip.lanes:
            free = eighth - chip.eu_bytes
            best = min(best, max(least, free // wide.nbytes(m) // step * step))
    width = min(best, max(least, round_up(n, step)))
    inner_limit = max(1, eighth // wide_bytes(product, width))
    if product.integer:
        inner_limit = max(1, eighth // width)
    inner = _pieces(product.k, inner_limit)
    left_width = left_columns(product, chip)
    left_row = dtype.nbytes(left_width * ceil_div(ceil_div(inner[0][1], left_width), chip.lanes))
    bias = round_up(DType.F32.nbytes(width), chip.eu_bytes)
    row_limit = min((eighth - bias) // left_row, eighth // wide.nbytes(width))
    rows = even_chunks(m, ceil_div(m, max(1, row_limit)))
    return Cut(tuple(rows), tuple(inner), width)


def left_columns(product: Product, chip: Chip) -> int:
    """Columns per lane of the left operand: an EU word, two of an int8 row.

    The latter inferred from the single rows of 128 and 64 in resnet18 and deit_tiny (int8).
    """
    return chip.eu_num(product.dtype) * (2 if product.integer else 1)


def wide_bytes(product: Product, width: int) -> int:
    """Bytes of `width` columns as the unit reads them: floats as f32."""
    return DType.F32.nbytes(width) if product.dtype.is_float else width


def _pieces(length: int, limit: int) -> list[tuple[int, int]]:
    """Even pieces of at most `limit`, in multiples of `ROW_STEP` where they can be."""
    if length <= limit:
        return [(0, length)]
    size = ceil_div(length, ceil_div(length, limit))
    size = min(limit, round_up(size, ROW_STEP))
    return chunks(length, size)


def sum_type(product: Product) -> DType:
    """Type of the sums of products."""
    return DType.F32 if product.dtype.is_float else DType.I32
