"""3-D convolutions alone: kernel depth is gathered onto the lanes, one output depth at a time.

For one output depth, the kd input planes of every channel go to kd neighbouring lanes, one transfer
per channel; planes in the depth padding are filled with zeros. A 2-D convolution over ic · kd
channels follows. Source: the global Conv3D layers of c3d_487_f16 (commands, tile order, buffers):
coefficients stay for all depths of a block of output channels; inputs and results alternate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands import cube
from lgsim.kernels.commands.dma import (
    dense_strides,
    fill,
    load,
    load_packed,
    offset_of,
    output,
    store,
)
from lgsim.kernels.commands.tiling import (
    Room,
    Tile,
    ceil_div,
    even_chunks,
    lane_bytes,
    local_at,
    pipeline,
    round_up,
    serial,
)
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.conv.coefficients import coefficient_bytes, coefficient_spans
from lgsim.kernels.conv.local import convolve, finish
from lgsim.kernels.schedule import GmemBox, LmemSpan, Schedule, Transfer
from lgsim.kernels.window import ConvShape
from lgsim.target.chip import Chip

Piece = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cut3D:
    """Blocks of output channels (of a group), row pieces, and whether buffers alternate."""

    channels: tuple[Piece, ...]
    rows: tuple[Piece, ...]
    doubled: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where coefficients, inputs and results lie."""

    weights: LmemSpan
    x: tuple[LmemSpan, ...]
    out: tuple[LmemSpan, ...]


class Conv3DTiler:
    """Tiles of one 3-D convolution on one chip."""

    def __init__(self, shape: ConvShape, chip: Chip) -> None:
        self.shape = shape
        self.chip = chip
        # The 2-D convolution of one output depth: kernel depth counts as input channels.
        self.plane = replace(shape, ic=shape.ic * shape.depth.kernel)
        self.x_strides = dense_strides(
            (shape.n, shape.ic, shape.depth.size, shape.rows.size, shape.cols.size)
        )
        self.out_strides = dense_strides(
            (shape.n, shape.oc, shape.depth.out, shape.rows.out, shape.cols.out)
        )

    def input_shape(self, rows: Piece, channels: int) -> tuple[int, int, int, int]:
        """(n, c, h, w) of the gathered input of one output depth."""
        per_group = channels if self.shape.depthwise else self.shape.group_ic
        count = per_group * self.shape.depth.kernel
        return 1, count, self.shape.rows.needs(*rows)[1], self.shape.cols.size

    def sizes(self, cut: Cut3D) -> tuple[int, int, int]:
        """Bytes per lane of coefficients, input and result (int32 sums lie there too)."""
        chip, shape = self.chip, self.shape
        rows, count = cut.rows[0], cut.channels[0][1]
        packed, bias = coefficient_bytes(chip, shape, count)
        _, c, _, w = self.input_shape(rows, count)
        x = lane_bytes(chip, (1, c, shape.rows.most(cut.rows), w), shape.dtype)
        sums = DType.I32 if shape.requant else shape.result
        out = lane_bytes(chip, (1, count, rows[1], shape.cols.out), sums)
        return round_up(packed, chip.eu_bytes) + bias, x, out

    def fits(self, cut: Cut3D) -> bool:
        """Whether the buffers fit in whole banks."""
        banks = [ceil_div(nbytes, self.chip.bank_bytes) for nbytes in self.sizes(cut)]
        return banks[0] + 2 * banks[1] + 2 * banks[2] <= self.chip.banks

    def choose(self) -> Cut3D:
        """The fewest blocks of output channels that fit, then the fewest pieces of rows."""
        shape, lanes = self.shape, self.chip.lanes
        blocks = shape.oc if shape.depthwise else shape.group_oc
        rounds = ceil_div(blocks, lanes)
        whole = tuple(even_chunks(shape.rows.out, 1))
        for pieces in range(1, rounds + 1):
            cut = Cut3D(tuple(even_chunks(blocks, pieces, lanes)), whole, True)
            if self.fits(cut):
                return cut
        thin = tuple(even_chunks(blocks, rounds, lanes))
        for pieces in range(2, shape.rows.out + 1):
            cut = Cut3D(thin, tuple(even_chunks(shape.rows.out, pieces)), True)
            if self.fits(cut):
                return cut
        return Cut3D(thin, tuple(even_chunks(shape.rows.out, shape.rows.out)), False)

    def place(self, cut: Cut3D) -> Place:
        """Addresses of the buffers."""
        room = Room(self.chip, "the smallest tile of a 3-D convolution")
        weights, x, out = self.sizes(cut)
        copies = 2 if cut.doubled else 1
        return Place(
            room.take(weights, bank=cut.doubled),
            tuple(room.take(x, bank=cut.doubled) for _ in range(copies)),
            tuple(room.take(out, bank=cut.doubled) for _ in range(copies)),
        )

    def schedule(self) -> Schedule:
        """Commands of the layer; the pipeline drains between blocks of output channels.

        Raises
        ------
        InfeasibleError
            If one row and one round of output channels do not fit local memory.
        """
        cut = self.choose()
        place = self.place(cut)
        groups = 1 if self.shape.depthwise else self.shape.groups
        depths = range(self.shape.depth.out)
        steps: Schedule = ()
        for group in range(groups):
            for channels in cut.channels:
                tiles: list[Tile] = []
                for image in range(self.shape.n):
                    for depth in depths:
                        for rows in cut.rows:
                            at = (group, channels, image, depth, rows)
                            tiles.append(self.tile(place, len(tiles), *at))
                steps += pipeline(tiles) if cut.doubled else serial(tiles)
        return steps

    def tile(
        self,
        place: Place,
        index: int,
        group: int,
        channels: Piece,
        image: int,
        depth: int,
        rows: Piece,
    ) -> Tile:
        """One output depth of one row piece; the first of a block also loads coefficients."""
        chip, shape, count = self.chip, self.shape, channels[1]
        x_shape = self.input_shape(rows, count)
        x = local_at(chip, x_shape, shape.dtype, place.x[index % len(place.x)])
        buffer = place.out[index % len(place.out)]
        out_shape = (1, count, rows[1], shape.cols.out)
        sums = local_at(chip, out_shape, DType.I32 if shape.requant else shape.result, buffer)
        result = local_at(chip, out_shape, shape.result, buffer)
        packed, bias = coefficient_spans(chip, shape, count, place.weights)
        weights = Local((1, count, 1, 1), shape.dtype, packed, aligned=False)
        vector = None
        if bias is not None:
            vector = Local((1, count, 1, 1), DType.F32, bias, aligned=False)
        emitter = Emitter(chip)
        work = Work((x, weights, vector), (result,))
        if shape.depthwise:
            self.depthwise(emitter, work, sums)
        else:
            convolve(emitter, Scratch(chip), self.plane, work, sums)
        first = channels[0] if shape.depthwise else group * shape.group_oc + channels[0]
        loads: list[Transfer] = []
        if index == 0:
            loads += self.load_weights(place.weights, first, count)
        base = channels[0] if shape.depthwise else group * shape.group_ic
        per_group = count if shape.depthwise else shape.group_ic
        loads += self.gather(image, range(base, base + per_group), depth, rows, x)
        start = (image, first, depth, rows[0], 0)
        destination = GmemBox(
            output(),
            offset_of(start, self.out_strides),
            out_shape,
            _without_depth(self.out_strides),
        )
        stores = (store(chip, destination, shape.result, result.span),)
        return Tile(tuple(loads), emitter.done(), stores)

    def depthwise(self, emitter: Emitter, work: Work, sums: Local) -> None:
        """A depthwise convolution whose kernel rows are those of all its planes."""
        shape = self.shape
        kernel = (shape.depth.kernel * shape.rows.kernel, shape.cols.kernel)
        emitter.instructions.append(
            cube.depthwise(
                emitter.chip,
                sums,
                shape.dtype,
                work.reads(),
                kernel=kernel,
                stride_w=shape.cols.stride,
            )
        )
        weights = work.reads()[1:]
        finish(emitter, shape, sums, work.outputs[0], weights)

    def gather(
        self, image: int, channels: range, depth: int, rows: Piece, x: Local
    ) -> Iterator[Transfer]:
        """The planes of all channels that the kernel reads; those outside the input are zeros."""
        shape, chip = self.shape, self.chip
        row, height = shape.rows.needs(*rows)
        n, c, d, h, w = self.x_strides
        pieces: list[tuple[int | None, Transfer]] = []
        for first, step, count in _runs(shape.depth.sources(depth)):
            size = (1, count, height, shape.cols.size)
            if first is None:
                pieces.append((None, fill(chip, size, shape.dtype, x.span)))
                continue
            offset = offset_of((image, 0, first, row, 0), self.x_strides)
            box = GmemBox(0, offset, size, (n, step * d, h, w))
            pieces.append((offset, load(chip, box, shape.dtype, x.span)))
        for channel in channels:
            for start, piece in pieces:
                yield piece if start is None else _moved(piece, start + channel * c)

    def load_weights(self, buffer: LmemSpan, first: int, count: int) -> list[Transfer]:
        """Packed filter of `count` output channels, then their bias if it is not merged."""
        shape, chip = self.shape, self.chip
        span, bias = coefficient_spans(chip, shape, count, buffer)
        per_output = (1 if shape.depthwise else shape.group_ic) * shape.taps
        source = GmemBox(1, first * per_output, (count, per_output), (per_output, 1))
        rows = min(count, chip.lanes) if shape.requant else count
        rounds = 1 if shape.requant else ceil_div(count, chip.lanes)
        loads = [load_packed(chip, source, rows, span.nbytes // rounds, span)]
        if shape.bias is not None and bias is not None:
            vector = GmemBox(2, first, (1, count, 1, 1), (shape.oc, 1, 1, 1))
            loads.append(load(chip, vector, shape.bias, bias))
        return loads


def _moved(transfer: Transfer, offset: int) -> Transfer:
    """The same load from elsewhere."""
    source = transfer.source
    assert source is not None
    return Transfer(
        transfer.unit,
        transfer.direction,
        transfer.cycles,
        transfer.nbytes,
        source=GmemBox(source.operand, offset, source.shape, source.strides),
        writes=transfer.writes,
    )


def _runs(planes: list[int | None]) -> list[tuple[int | None, int, int]]:
    """Evenly spaced runs of planes as (first, step, count); zeros have None as first."""
    runs: list[tuple[int | None, int, int]] = []
    for plane in planes:
        if runs:
            first, step, count = runs[-1]
            if plane is None and first is None:
                runs[-1] = (None, 1, count + 1)
                continue
            if plane is not None and first is not None and count == 1:
                runs[-1] = (first, plane - first, 2)
                continue
            if plane is not None and first is not None and plane == first + step * count:
                runs[-1] = (first, step, count + 1)
                continue
        runs.append((plane, 1, 1))
    return runs


def _without_depth(strides: tuple[int, ...]) -> tuple[int, int, int, int]:
    n, c, _, h, w = strides
    return n, c, h, w


def global_schedule(shape: ConvShape, chip: Chip) -> Schedule:
    """A 3-D convolution alone.

    Raises
    ------
    InfeasibleError
        If not even one row of one round of output channels fits.
    """
    return Conv3DTiler(shape, chip).schedule()
