"""Resizing: gathers of source pixels in local memory, and interpolation between them.

Upsample follows the vendor's commands (one gather per slice, positions from a table); Interp and
GridSampler are inferred: one gather per neighbour, products with weights and sums.
"""

from __future__ import annotations

from math import prod

from lgsim.errors import InfeasibleError
from lgsim.graph.ops import GridSampler, Interp, Upsample
from lgsim.kernels.base import Kernel, Local, WeightForm, Work
from lgsim.kernels.commands.dma import dense_strides, load, output, store
from lgsim.kernels.commands.tiling import Tile, ceil_div, chunks, lane_bytes, pipeline, round_up
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Step
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Axis, Features, GroupType, Refusal, Rule
from lgsim.kernels.views import axis_size
from lgsim.target.chip import Chip

WHOLE_FACTOR = Rule("whole_factor", "Pixels are repeated a whole number of times (Upsample).")


class ResizeKernel(Kernel, kinds=(Upsample, Interp, GridSampler)):
    """Planes of whole channels over the lanes; output rows are cut where planes do not fit."""

    rules = (WHOLE_FACTOR,)

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Only if every pixel is repeated a whole number of times."""
        del features
        if isinstance(site.attrs, Upsample):
            return None
        return WHOLE_FACTOR.refuse(
            "each slice would need neighbours at fractional positions",
            value=site.kind,
            limit="Upsample",
            lift="nearest neighbours and a whole factor",
        )

    def taps(self, site: OpSite) -> int:
        """Source pixels that make one result."""
        attrs = site.attrs
        if isinstance(attrs, Upsample):
            return 1
        assert isinstance(attrs, Interp | GridSampler)
        spatial = len(site.inputs[0].type.shape) - 2
        taps: int = {"nearest": 1, "linear": 2, "cubic": 4}[attrs.mode] ** spatial
        return taps

    def input_slice(
        self, site: OpSite, index: int, axis: Axis, piece: tuple[int, int], group_type: GroupType
    ) -> tuple[int, int]:
        """The pixels that are repeated."""
        size = axis_size(site.inputs[index].type.shape, axis, group_type)
        full = axis_size(site.outputs[0].shape, axis, group_type)
        if index or full % size:
            return 0, size
        factor = full // size
        start = piece[0] // factor
        return start, -(-(piece[0] + piece[1]) // factor) - start

    def weight_form(self, site: OpSite, chip: Chip, index: int) -> WeightForm | None:
        """The position of the source of each pixel of a plane, spread over the lanes.

        (reference/commands: Upsample of yolov5s, 64 lanes x 510 positions for 136 x 240 pixels.)
        """
        pixels = prod(site.outputs[0].shape[2:])
        dtype = site.inputs[index].type.dtype
        return WeightForm((1, chip.lanes, 1, ceil_div(pixels, chip.lanes)), dtype)

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """A gather per tap; from the second one on a product with its weight and a sum."""
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        taps = self.taps(site)
        tables = [local for local in work.inputs[1:] if local is not None]
        if taps == 1:
            emit.gather("gather", y, x, *tables)
            return emit.done()
        assert work.scratch is not None
        neighbour = Local(y.shape, y.dtype, work.scratch)
        for tap in range(taps):
            emit.gather("gather", neighbour, x, *tables)
            emit.ar("mul", neighbour, neighbour)
            emit.ar("add" if tap else "copy", y, *((y, neighbour) if tap else (neighbour,)))
        return emit.done()

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """The neighbour that is being added."""
        y = work.outputs[0]
        return lane_bytes(chip, y.shape, y.dtype) if self.taps(site) > 1 else 0

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Tiles of channels; an input plane stays while its output rows are made."""
        return _Tiler(self, site, chip).schedule()


class _Tiler:
    """Buffers: 0, 1 input planes; 2, 3 results; 4 the neighbour; 5, 6 positions."""

    def __init__(self, kernel: ResizeKernel, site: OpSite, chip: Chip) -> None:
        self.kernel, self.site, self.chip = kernel, site, chip
        x, y = site.inputs[0].type, site.outputs[0]
        self.dtype = x.dtype
        self.n, self.c = x.shape[:2]
        self.near, self.far = prod(x.shape[2:]), prod(y.shape[2:])
        self.row = y.shape[-1]
        self.table = site.inputs[1].type if len(site.inputs) > 1 else None
        self.extra = 1 if kernel.taps(site) > 1 else 0
        # A table of positions serves all images; a grid of coordinates has one part per image.
        self.per_image = self.per_pixel = 0
        if self.table is not None:
            own = self.n > 1 and isinstance(site.attrs, GridSampler)
            per_image = self.table.elements // (self.n if own else 1)
            self.per_image = per_image if own else 0
            self.per_pixel = max(1, per_image // self.far)
        self._size()

    def _positions(self, pixels: int) -> int:
        """Bytes per lane of the positions of so many results."""
        if self.table is None:
            return 0
        return self.table.dtype.nbytes(ceil_div(pixels * self.per_pixel, self.chip.lanes))

    def _bytes(self, rounds: int, near: int, pixels: int) -> list[int]:
        lanes = rounds * self.chip.lanes
        source = lane_bytes(self.chip, (1, lanes, 1, near), self.dtype)
        result = lane_bytes(self.chip, (1, lanes, 1, pixels), self.dtype)
        sizes = [source] * 2 + [result] * (2 + self.extra) + [0] * (1 - self.extra)
        return [round_up(b, self.chip.eu_bytes) for b in (*sizes, *[self._positions(pixels)] * 2)]

    def _size(self) -> None:
        """As many channels as fit, else fewer result pixels, else fewer source pixels."""
        limit = self.chip.lmem_bytes
        most = ceil_div(self.c, self.chip.lanes)
        self.rounds, self.pixels, self.source = most, self.far, self.near
        while self.rounds > 1 and sum(self._bytes(self.rounds, self.near, self.far)) > limit:
            self.rounds -= 1
        while self.pixels > 1 and sum(self._bytes(self.rounds, self.source, self.pixels)) > limit:
            if self.pixels > self.row:
                self.pixels = ceil_div(self.pixels // 2, self.row) * self.row
            else:
                self.pixels = ceil_div(self.pixels, 2)
            window = ceil_div(self.near * self.pixels, self.far) * 2
            self.source = min(self.near, max(window, self.kernel.taps(self.site)))
        if sum(self._bytes(self.rounds, self.source, self.pixels)) > limit:
            raise InfeasibleError(
                f"one result of {self.site.kind} does not fit local memory",
                limit=f"{limit} bytes per lane",
            )

    def schedule(self) -> Schedule:
        """Channels, then stretches of results."""
        ends = self._bytes(self.rounds, self.source, self.pixels)
        addresses = [sum(ends[:k]) for k in range(len(ends))]
        self.spans = [
            LmemSpan(k, a, b) for k, (a, b) in enumerate(zip(addresses, ends, strict=True))
        ]
        tiles: list[Tile] = []
        for image in range(self.n):
            for channel, count in chunks(self.c, self.rounds * self.chip.lanes):
                for start, pixels in chunks(self.far, self.pixels):
                    tiles.append(self._tile(image, channel, count, start, pixels, len(tiles) % 2))
        return pipeline(tiles) if tiles else (Step(),)

    def _local(self, index: int, shape: tuple[int, int, int, int]) -> Local:
        nbytes = lane_bytes(self.chip, shape, self.dtype)
        span = self.spans[index]
        return Local(shape, self.dtype, LmemSpan(span.buffer, span.address, nbytes))

    def _tile(
        self, image: int, channel: int, count: int, start: int, pixels: int, parity: int
    ) -> Tile:
        plane = image * self.c + channel
        first = min(start * self.near // self.far, self.near - self.source)
        near = (1, count, 1, self.source)
        far = (1, count, 1, pixels)
        x, y = self._local(parity, near), self._local(2 + parity, far)
        loads = [
            load(
                self.chip,
                GmemBox(0, plane * self.near + first, near, (self.c * self.near, self.near, 1, 1)),
                self.dtype,
                x.span,
            )
        ]
        inputs: list[Local | None] = [x]
        if self.table is not None:
            positions, boxes = self._table(image, start, pixels, parity)
            inputs.append(positions)
            loads += [load(self.chip, box, self.table.dtype, positions.span) for box in boxes]
        scratch = self.spans[4] if self.extra else None
        work = Work(tuple(inputs), (y,), scratch)
        target = GmemBox(
            output(), plane * self.far + start, far, (self.c * self.far, self.far, 1, 1)
        )
        return Tile(
            tuple(loads),
            self.kernel.instructions(self.site, self.chip, work),
            (store(self.chip, target, self.dtype, y.span),),
        )

    def _table(
        self, image: int, start: int, pixels: int, parity: int
    ) -> tuple[Local, tuple[GmemBox, ...]]:
        """Positions of some results, in runs over the lanes; the last run may be short."""
        assert self.table is not None
        total = pixels * self.per_pixel
        run = ceil_div(total, self.chip.lanes)
        lanes, rest = divmod(total, run)
        offset = image * self.per_image + start * self.per_pixel
        full = (1, lanes, 1, run)
        boxes = [GmemBox(1, offset, full, dense_strides(full))]
        if rest:
            short = (1, 1, 1, rest)
            boxes.append(GmemBox(1, offset + lanes * run, short, dense_strides(short)))
        shape = (1, ceil_div(total, run), 1, run)
        nbytes = lane_bytes(self.chip, shape, self.table.dtype, aligned=False)
        span = self.spans[5 + parity]
        local = Local(shape, self.table.dtype, LmemSpan(span.buffer, span.address, nbytes))
        return local, tuple(boxes)
