"""Values as local memory holds them: bytes per lane, and the transfers that bring and take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from lgsim.graph.core import TensorType
from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, WeightForm
from lgsim.kernels.commands.dma import box, load_broadcast, output
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.schedule import Direction, GmemBox, LmemSpan, Transfer
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import GroupType
from lgsim.kernels.views import View, operand_shape, view
from lgsim.planner.group.cuts import Lengths
from lgsim.target.chip import Chip
from lgsim.target.timing import gdma

Box4 = tuple[int, int, int, int]


def local_shape(lengths: Lengths) -> Box4:
    """A slice as (n, c, h, w): depth is folded into n."""
    n, c, d, h, w = lengths
    return n * d, c, h, w


def slice_local(
    type_: TensorType, form: WeightForm | None, lengths: Lengths, span: LmemSpan
) -> Local:
    """A slice of a value at its place in local memory."""
    if form is not None:
        return Local(form.shape, form.dtype, span, form.aligned)
    return Local(local_shape(lengths), type_.dtype, span)


def slice_bytes(chip: Chip, type_: TensorType, form: WeightForm | None, lengths: Lengths) -> int:
    """Bytes per lane of a slice."""
    if form is not None:
        return lane_bytes(chip, form.shape, form.dtype, form.aligned)
    return lane_bytes(chip, local_shape(lengths), type_.dtype)


def spread(lengths: Lengths, copies: int) -> Lengths:
    """A slice whose channels are each copied to several lanes."""
    n, c, d, h, w = lengths
    return n, c * copies, d, h, w


@dataclass(frozen=True, slots=True)
class Traffic:
    """The transfers of one value: which operand of which op, and how it lies in global memory.

    `copies` is the number of lanes that a load copies each channel to. A `swapped` value lies in
    global memory with its rows outside of its channels.
    """

    type: TensorType
    form: WeightForm | None
    whole: View
    operand: int
    copies: int = 1
    swapped: bool = False

    def cycles(self, chip: Chip, direction: Direction, lengths: Lengths) -> int:
        """Cycles of moving a slice; where it begins does not matter."""
        if self.form is not None:
            return _packed_cycles(chip, self.form)
        dtype = self.type.dtype
        if self.copies > 1:
            n, c, _, h, w = lengths
            return n * c * gdma.broadcast_cycles(chip, nbytes=dtype.nbytes(h * w))
        count, shape, strides = self._boxes(lengths)
        once = gdma.tensor_cycles(chip, direction.value, dtype, shape=shape, strides=strides)
        return count * once

    def transfers(
        self,
        chip: Chip,
        direction: Direction,
        starts: Lengths,
        lengths: Lengths,
        span: LmemSpan,
    ) -> tuple[Transfer, ...]:
        """The commands that move a slice between its place in local memory and global memory."""
        if self.form is not None:
            cycles = _packed_cycles(chip, self.form)
            nbytes = self.form.dtype.nbytes(prod(self.form.shape))
            source = box(self.operand, self.type.shape)
            return (
                Transfer("GDMA_TENSOR", direction, cycles, nbytes, source=source, writes=(span,)),
            )
        if self.copies > 1:
            return tuple(self._broadcasts(chip, starts, lengths, span))
        count, shape, strides = self._boxes(lengths)
        dtype = self.type.dtype
        cycles = gdma.tensor_cycles(chip, direction.value, dtype, shape=shape, strides=strides)
        nbytes = dtype.nbytes(prod(shape))
        offset = sum(map(int.__mul__, starts, self._strides()))
        found = []
        for image in range(count):
            place = GmemBox(self.operand, offset + image * self._strides()[0], shape, strides)
            piece = LmemSpan(
                span.buffer, span.address + span.nbytes // count * image, span.nbytes // count
            )
            if direction is Direction.LOAD:
                found.append(
                    Transfer("GDMA_TENSOR", direction, cycles, nbytes, place, None, (), (piece,))
                )
            else:
                found.append(
                    Transfer("GDMA_TENSOR", direction, cycles, nbytes, None, place, (piece,), ())
                )
        return tuple(found)

    def _broadcasts(
        self, chip: Chip, starts: Lengths, lengths: Lengths, span: LmemSpan
    ) -> Iterator[Transfer]:
        """One command per channel; each fills a part of the lanes."""
        n, c, _, h, w = lengths
        image, channel, _, row, one = self._strides()
        offset = sum(map(int.__mul__, starts, self._strides()))
        strides = (image, channel, row, one)
        nbytes = span.nbytes // n
        for number in range(n):
            piece = LmemSpan(span.buffer, span.address + nbytes * number, nbytes)
            for plane in range(c):
                first = offset + number * image + plane * channel
                source = GmemBox(self.operand, first, (1, 1, h, w), strides)
                yield load_broadcast(chip, source, self.type.dtype, piece)

    def _strides(self) -> Lengths:
        _, c, d, h, w = self.whole
        if self.swapped:
            return c * h * w, w, 0, c * w, 1
        return c * d * h * w, d * h * w, h * w, w, 1

    def _boxes(self, lengths: Lengths) -> tuple[int, Box4, Box4]:
        """How many commands a slice takes, and shape and strides of each."""
        n, c, d, h, w = lengths
        image, channel, depth, row, one = self._strides()
        if self.whole[2] == 1:
            return 1, (n, c, h, w), (image, channel, row, one)
        return n, (d, c, h, w), (depth, channel, row, one)


def _packed_cycles(chip: Chip, form: WeightForm) -> int:
    """Packed constants: (n, c) rows with c outermost in global memory."""
    n, _, h, w = form.shape
    strides = (h * w, n * h * w, w, 1)
    return gdma.tensor_cycles(
        chip, Direction.LOAD.value, form.dtype, shape=form.shape, strides=strides
    )


def operand_traffic(
    site: OpSite, index: int, chip: Chip, group_type: GroupType, *, alone: bool, swapped: bool
) -> Traffic:
    """The transfers of a value that comes from global memory, as an operand of its first reader.

    That tells how a constant is packed and, if nobody else reads it (`alone`), how many lanes get
    each channel of another value.
    """
    kernel, operand = kernel_of(type(site.attrs)), site.inputs[index]
    form = kernel.weight_form(site, chip, index) if operand.weight else None
    copies = kernel.load_copies(site, chip, index) if alone and not operand.weight else 1
    shape = operand_shape(site, index)
    place = 0 if swapped else index
    return Traffic(operand.type, form, view(shape, group_type), place, copies, swapped)


def result_traffic(site: OpSite, index: int, group_type: GroupType, *, swapped: bool) -> Traffic:
    """The transfers of a result of an op."""
    type_, place = site.outputs[index], output(0 if swapped else index)
    return Traffic(type_, None, view(type_.shape, group_type), place, swapped=swapped)


def is_absent(form: WeightForm | None) -> bool:
    """Whether a constant is merged into another one and never loaded by itself."""
    return form is not None and prod(form.shape) == 0
