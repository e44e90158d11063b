"""Cycle laws of the GDMA: tensor, matrix, broadcast and constant transfers.

A transfer is a set of *rows*, runs that are contiguous on both sides. A row shorter than 256 bytes
takes as long as 256 bytes, and there is no launch cost. Tensor transfers also depend on how many of
the four DDR channels they keep busy: addresses go to the next channel every 4 KiB, and a transfer
that covers k channels reaches k/4 of the bandwidth. That makes per-channel vectors (256 bytes for
each 4-byte row, one channel) and thin slices of tall images (rows far apart) expensive, and it
makes cycles fall now and then as a transfer grows into the next channel.

All laws are derived from the recorded commands of the vendor's simulator; the agreement of each is
given in docs/accuracy.md.
"""

from __future__ import annotations

from functools import cache

from lgsim.graph.dtypes import DType
from lgsim.target.chip import Chip
from lgsim.target.layout import ceil_div

LOAD = "gmem_to_lmem"
STORE = "lmem_to_gmem"
MOVE = "gmem_to_gmem"

Box = tuple[int, int, int, int]

# A transposing matrix load reaches 3/16 of the bandwidth: 16 words of 4 bytes are fetched for 12
# that arrive. Derived from the recorded commands: exact on 986 of 986, all of them f32.
TRANSPOSE_COST = 16, 3


def _bytes_per_cycle(chip: Chip, direction: str) -> float:
    """Bandwidth of one direction of transfer."""
    if direction == LOAD:
        return chip.load_bytes_per_cycle
    if direction == STORE:
        return chip.store_bytes_per_cycle
    return chip.move_bytes_per_cycle


def packed_strides(shape: Box) -> Box:
    """Element strides of a contiguous (n, c, h, w) box."""
    _, c, h, w = shape
    return (c * h * w, h * w, w, 1)


def tensor_cycles(
    chip: Chip,
    direction: str,
    dtype: DType,
    *,
    shape: Box,
    strides: Box | None = None,
    other_strides: Box | None = None,
) -> int:
    """GDMA_TENSOR: a strided (n, c, h, w) box between DDR and local memory, or inside the DDR.

    Parameters
    ----------
    direction : str
        `LOAD`, `STORE` or `MOVE`.
    shape : tuple of int
        The box as local memory sees it: c runs over the lanes, so a row never goes beyond one c.
    strides : tuple of int, optional
        Element strides in the DDR (of the source, for `MOVE`); packed by default.
    other_strides : tuple of int, optional
        Element strides on the other side: in a lane of local memory, where only h and w matter
        (h and w packed by default), or those of the destination for `MOVE`.

    Returns
    -------
    int
        Cycles, rounded down; at least 1.
    """
    near = strides or packed_strides(shape)
    far = other_strides or packed_strides(shape)
    merge_planes = direction == MOVE
    run, merged = _common_run(shape, near, far, merge_planes=merge_planes)
    rows = 1
    for size in shape[: 4 - merged]:
        rows *= size
    row_bytes = dtype.nbytes(run)
    channels = channels_covered(chip, dtype, shape, near)
    if direction == MOVE:
        channels = min(channels, channels_covered(chip, dtype, shape, far))
    return transfer_cycles(chip, direction, rows=rows, row_bytes=row_bytes, channels=channels)


def transfer_cycles(chip: Chip, direction: str, *, rows: int, row_bytes: int, channels: int) -> int:
    """GDMA_TENSOR in its own terms: rows, their bytes, and the DDR channels they cover."""
    rate = _bytes_per_cycle(chip, direction) * chip.tensor_bandwidth_factor
    paid_bytes = rows * max(chip.min_row_bytes, row_bytes)
    return max(1, int(paid_bytes * chip.gmem_channels / channels / rate))


def _common_run(shape: Box, near: Box, far: Box, *, merge_planes: bool) -> tuple[int, int]:
    """Elements contiguous on both sides, and how many of the inner dimensions they span."""
    run = 1
    inner = 4 if merge_planes else 2
    for count in range(inner):
        axis = 3 - count
        size = shape[axis]
        if size > 1 and (near[axis] != run or far[axis] != run):
            return run, count
        run *= size
    return run, inner


@cache
def channels_covered(chip: Chip, dtype: DType, shape: Box, strides: Box) -> int:
    """DDR channels that a box with element `strides` keeps busy.

    The planes (n, c) that start inside the first turn over all channels (16 KiB from the first
    byte) are looked at; a plane occupies as many channels, from the one it starts in, as its
    extent has blocks of 4 KiB. Addresses count from the start of the box.
    """
    block = chip.gmem_interleave_bytes
    window = block * chip.gmem_channels
    n, c, h, w = shape
    extent = dtype.nbytes((h - 1) * strides[2] + (w - 1) * strides[3] + 1)
    blocks = min(chip.gmem_channels, ceil_div(extent, block))
    busy: set[int] = set()
    for image in _starts(n, dtype.nbytes(strides[0]), window):
        for plane in _starts(c, dtype.nbytes(strides[1]), window - image):
            first = (image + plane) // block
            busy.update((first + i) % chip.gmem_channels for i in range(blocks))
            if len(busy) == chip.gmem_channels:
                return chip.gmem_channels
    return len(busy)


def _starts(count: int, stride_bytes: int, window_bytes: int) -> range:
    """Offsets of `count` items `stride_bytes` apart that lie inside the window."""
    if stride_bytes == 0:
        return range(1)
    return range(0, min(count * stride_bytes, window_bytes), stride_bytes)


def matrix_cycles(
    chip: Chip, direction: str, dtype: DType, *, rows: int, columns: int, lane_columns: int
) -> int:
    """GDMA_MATRIX: a (rows, columns) matrix whose columns are folded over lanes.

    A row of the matrix is cut into pieces of `lane_columns`, one per lane; pieces shorter than
    256 bytes cost 256. Unlike tensor transfers these do not depend on the DDR channels.
    """
    piece_bytes = dtype.nbytes(lane_columns)
    paid_bytes = dtype.nbytes(rows * columns) * max(piece_bytes, chip.min_row_bytes) / piece_bytes
    return max(1, int(paid_bytes / _bytes_per_cycle(chip, direction)))


def matrix_transpose_cycles(
    chip: Chip, direction: str, dtype: DType, *, rows: int, columns: int
) -> int:
    """GDMA_MATRIX with transposition on the way: `TRANSPOSE_COST` times the plain bytes."""
    fetched, arriving = TRANSPOSE_COST
    paid_bytes = dtype.nbytes(rows * columns) * fetched / arriving
    return max(1, int(paid_bytes / _bytes_per_cycle(chip, direction)))


def broadcast_cycles(chip: Chip, *, nbytes: int) -> int:
    """GDMA_BROADCAST: `nbytes` loaded once from the DDR and written to many lanes."""
    return max(1, int(nbytes / chip.load_bytes_per_cycle))


def constant_cycles(chip: Chip, *, nbytes: int) -> int:
    """GDMA_CONSTANT: a plane of `nbytes` in local memory filled with a constant.

    Like any row, it costs no less than 256 bytes.
    """
    return max(1, int(max(chip.min_row_bytes, nbytes) / chip.load_bytes_per_cycle))
