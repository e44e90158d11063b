"""Boxes in global memory as runs of neighbouring elements."""

from __future__ import annotations

import numpy as np

from lgsim.kernels.schedule import GmemBox
from lgsim.simulator.engines import Int64s


def box_extent(box: GmemBox) -> tuple[int, int]:
    """First element of a box and the one after its last, counted from the operand's start."""
    low = high = box.offset
    for size, stride in zip(box.shape, box.strides, strict=True):
        if size == 0:
            return box.offset, box.offset
        if stride < 0:
            low += stride * (size - 1)
        else:
            high += stride * (size - 1)
    return low, high + 1


def box_runs(box: GmemBox) -> tuple[Int64s, int]:
    """The elements a box covers, as runs of equal length.

    Dimensions that continue one another are collapsed first, whatever their order in the box, so
    a transposed but whole tensor is one run.

    Returns
    -------
    starts : array of int64, shape (runs,)
        First element of each run, ascending unless the outer dimensions interleave.
    length : int
        Elements per run.
    """
    if 0 in box.shape:
        return np.zeros(0, dtype=np.int64), 0
    offset, _ = box_extent(box)
    dims = sorted(
        (abs(stride), size)
        for size, stride in zip(box.shape, box.strides, strict=True)
        if size > 1 and stride
    )
    length = 1
    while dims and dims[0][0] <= length:
        stride, size = dims.pop(0)
        length += stride * (size - 1)
    starts = np.full(1, offset, dtype=np.int64)
    for stride, size in reversed(_merged(dims)):
        starts = (starts[:, None] + np.arange(size, dtype=np.int64) * stride).ravel()
    return starts, length


def _merged(dims: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join (stride, size) pairs of which one continues the other; ascending by stride."""
    merged: list[tuple[int, int]] = []
    for stride, size in dims:
        if merged and merged[-1][0] * merged[-1][1] == stride:
            merged[-1] = (merged[-1][0], merged[-1][1] * size)
        else:
            merged.append((stride, size))
    return merged
