"""Convolution coefficients in local memory: packed sizes, and when few channels are folded."""

from __future__ import annotations

from lgsim.kernels.commands.tiling import ceil_div, lane_bytes, round_up
from lgsim.kernels.schedule import LmemSpan
from lgsim.kernels.window import ConvShape
from lgsim.target.chip import Chip
from lgsim.target.layout import packed_filter_elements

REQUANT_BYTES = 12
"""Multiplier, shift and zero point of one output channel, int32 each."""


def folded_taps(chip: Chip, shape: ConvShape) -> tuple[int, int]:
    """Kernel rows and columns that are spread over the lanes as if they were input channels.

    (1, 1) if none are. Folding is worth it when the cube would otherwise sum few channels per
    step and all folded ones still have a lane each: the whole kernel if the cube sums it in one
    step, else its rows. Inferred from the first layers (3 × 7, 3 × 6, 3 × 9 lanes; 3 × 16 in int8,
    3 × 4 in f16) and from those of 8 and 16 channels in efficientvit_m0; f32, which sums one
    channel per step, is never folded.
    """
    kh, kw = shape.kernel
    plain = ceil_div(shape.ic, chip.ic_parallel(shape.dtype)) * kh * kw
    if not shape.flat or shape.groups > 1 or shape.dtype.bits >= 32 or shape.rows.transposed:
        return 1, 1
    step = chip.ic_parallel(shape.dtype)
    for rows, cols, most in ((kh, kw, min(step, chip.lanes)), (kh, 1, chip.lanes)):
        lanes = shape.ic * rows * cols
        folded = ceil_div(lanes, step) * (kh // rows) * (kw // cols)
        if lanes <= most and folded < plain:
            return rows, cols
    return 1, 1


def filter_bytes(chip: Chip, shape: ConvShape) -> int:
    """Bytes per output channel of the packed filter (docs/chip.md §2)."""
    if shape.depthwise:
        return shape.dtype.nbytes(shape.taps)
    rows, cols = folded_taps(chip, shape)
    channels = shape.group_ic * shape.depth.kernel * rows * cols
    taps = (shape.rows.kernel // rows) * (shape.cols.kernel // cols)
    return shape.dtype.nbytes(packed_filter_elements(chip, shape.dtype, ic=channels, taps=taps))


def head_bytes(chip: Chip, shape: ConvShape, oc: int) -> int:
    """Bytes per lane in front of a merged int8 filter: requant parameters, then bias.

    The requant triple of each round of lanes starts at its own EU word, the biases follow the
    last triple, the filter the next EU word; that of a depthwise convolution follows at once.
    Derived from the merged coefficient sizes of resnet18, resnet50 and efficientvit_m0 (exact,
    also in the bytes of the ungrouped rows).
    """
    rounds = ceil_div(oc, chip.lanes)
    head = (rounds - 1) * chip.eu_bytes + REQUANT_BYTES + 4 * rounds
    return head if shape.depthwise else round_up(head, chip.eu_bytes)


def coefficient_bytes(chip: Chip, shape: ConvShape, oc: int) -> tuple[int, int]:
    """Bytes per lane of the packed filter of `oc` output channels, and of their bias.

    The requant parameters and the bias of int8 layers are merged into the filter.
    """
    packed = filter_bytes(chip, shape) * ceil_div(oc, chip.lanes)
    if shape.requant:
        return head_bytes(chip, shape, oc) + packed, 0
    if shape.bias is None:
        return packed, 0
    return packed, lane_bytes(chip, (1, oc, 1, 1), shape.bias, aligned=False)


def coefficient_spans(
    chip: Chip, shape: ConvShape, oc: int, buffer: LmemSpan
) -> tuple[LmemSpan, LmemSpan | None]:
    """Where the packed filter and, if it is not merged, the bias lie in their buffer."""
    packed, bias = coefficient_bytes(chip, shape, oc)
    filter_span = LmemSpan(buffer.buffer, buffer.address, packed)
    if not bias:
        return filter_span, None
    address = buffer.address + round_up(packed, chip.eu_bytes)
    return filter_span, LmemSpan(buffer.buffer, address, bias)
