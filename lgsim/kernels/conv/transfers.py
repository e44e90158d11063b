"""Transfers of convolution tiles: inputs with their halo, packed coefficients, results."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lgsim.kernels.commands.dma import dense_strides, load, load_packed, offset_of, output, store
from lgsim.kernels.commands.tiling import ceil_div, local_at
from lgsim.kernels.conv.coefficients import coefficient_spans
from lgsim.kernels.schedule import GmemBox, LmemSpan, Transfer
from lgsim.kernels.window import ConvShape
from lgsim.target.chip import Chip

Piece = tuple[int, int]
"""(start, length) of a piece of an axis."""


@dataclass(frozen=True, slots=True)
class Part:
    """One tile: group, pieces, and whether input and coefficients have to be loaded for it.

    `inputs` is the piece of a group's input channels that it multiplies; most tiles take all.
    """

    group: int
    batch: Piece
    rows: Piece
    cols: Piece
    channels: Piece
    inputs: Piece
    new_input: bool
    new_weights: bool

    def is_last(self, shape: ConvShape) -> bool:
        """Whether no more input channels are added to its sums."""
        return sum(self.inputs) == shape.group_ic


def block_shape(shape: ConvShape, part: Part) -> ConvShape:
    """The layer as if it had only the input channels of a tile; the last ones bring the bias."""
    count = part.inputs[1]
    if count == shape.group_ic:
        return shape
    bias = shape.bias if part.is_last(shape) else None
    return replace(shape, ic=count * shape.groups, bias=bias)


class ConvMoves:
    """Transfers of the tiles of one layer."""

    def __init__(self, shape: ConvShape, chip: Chip) -> None:
        self.shape = shape
        self.chip = chip
        self.x_strides = dense_strides((shape.n, shape.ic, shape.rows.size, shape.cols.size))
        self.out_strides = dense_strides((shape.n, shape.oc, shape.rows.out, shape.cols.out))

    def load_input(self, part: Part, buffer: LmemSpan) -> Transfer:
        """The input of a tile: only the rows and columns that its windows touch."""
        shape = self.shape
        first, count = part.group * shape.group_ic + part.inputs[0], part.inputs[1]
        if shape.depthwise:
            first, count = part.channels
        row, rows = shape.rows.needs(*part.rows)
        col, cols = shape.cols.needs(*part.cols)
        start = (part.batch[0], first, row, col)
        size = (part.batch[1], count, rows, cols)
        source = GmemBox(0, offset_of(start, self.x_strides), size, self.x_strides)
        local = local_at(self.chip, size, shape.dtype, buffer)
        return load(self.chip, source, shape.dtype, local.span)

    def store(self, part: Part, buffer: LmemSpan) -> Transfer:
        """The result of a tile."""
        shape = self.shape
        channel = part.group * shape.group_oc * (not shape.depthwise) + part.channels[0]
        start = (part.batch[0], channel, part.rows[0], part.cols[0])
        size = (part.batch[1], part.channels[1], part.rows[1], part.cols[1])
        destination = GmemBox(output(), offset_of(start, self.out_strides), size, self.out_strides)
        local = local_at(self.chip, size, shape.result, buffer)
        return store(self.chip, destination, shape.result, local.span)

    def load_weights(self, part: Part, buffer: LmemSpan) -> list[Transfer]:
        """Packed filter of a tile's output channels, then their bias if it is not merged."""
        shape, chip = block_shape(self.shape, part), self.chip
        count = part.channels[1]
        span, bias = coefficient_spans(chip, shape, count, buffer)
        rounds = 1 if shape.requant else ceil_div(count, chip.lanes)
        rows = min(count, chip.lanes) if shape.requant else count
        loads = [load_packed(chip, self.filter_box(part), rows, span.nbytes // rounds, span)]
        if shape.bias is not None and bias is not None:
            first = part.group * shape.group_oc * (not shape.depthwise) + part.channels[0]
            source = GmemBox(2, first, (1, count, 1, 1), (shape.oc, 1, 1, 1))
            loads.append(load(chip, source, shape.bias, bias))
        return loads

    def filter_box(self, part: Part) -> GmemBox:
        """The elements of the filter operand that a tile's output channels use."""
        shape = self.shape
        first, count = part.channels
        channel, channels = part.inputs
        if shape.rows.transposed and not shape.depthwise:
            taps, per_input = shape.taps, shape.group_oc * shape.taps
            offset = (part.group * shape.group_ic + channel) * per_input + first * taps
            return GmemBox(1, offset, (channels, count * taps), (per_input, 1))
        per_output = shape.group_ic * shape.taps
        row = part.group * shape.group_oc * (not shape.depthwise) + first
        offset = row * per_output + channel * shape.taps
        return GmemBox(1, offset, (count, channels * shape.taps), (per_output, 1))
