"""How a convolution alone may be cut, from coarse to fine.

16-bit layers keep the whole input in local memory, if it fits, and walk over the output channels,
one round of lanes at a time, so that coefficients stream in and results stream out beside the
computation. If it does not fit, the coefficients stay and pieces of the batch, then of the rows,
stream. Int8 layers, whose coefficients are merged, and f32 layers take one image at a time and all
output channels if they fit. If not, f32 layers stream coefficients as 16-bit ones do; where that
does not fit either, and in int8, the fewest blocks of channels are taken, and the input is read
again for every block. If whole images do not fit, f32 layers cut the rows below all coefficients,
int8 ones below one round of lanes. Inferred from bytes and commands of the ungrouped networks
(bytes of resnet18, resnet50 and yolov5s exact in f16 and int8) and from the global layers of
resnet18_f32, swin_t_f32 and swin_t_b8_int8; in f32, some layers of resnet50 read 5 MB more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lgsim.kernels.commands.tiling import ceil_div, even_chunks
from lgsim.kernels.conv.transfers import Piece
from lgsim.kernels.window import ConvShape
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Cut:
    """How a layer is cut: pieces of batch, rows, columns and of a group's channels.

    With several pieces of `inputs` the products are added up in local memory, piece by piece of a
    group's input channels. With `outer`, the input is read again for every piece of the output
    channels, else their coefficients for every piece of the input. With `doubled`, tiles alternate
    between two copies of every buffer that is filled twice.
    """

    batch: tuple[Piece, ...]
    rows: tuple[Piece, ...]
    cols: tuple[Piece, ...]
    channels: tuple[Piece, ...]
    inputs: tuple[Piece, ...]
    outer: bool = False
    doubled: bool = True

    @property
    def images(self) -> int:
        """Number of input tiles of one group."""
        return len(self.batch) * len(self.rows) * len(self.cols)

    @property
    def summed(self) -> bool:
        """Whether a result is the sum of several tiles."""
        return len(self.inputs) > 1


class Candidates:
    """Cuts of one layer.

    Parameters
    ----------
    shape : ConvShape
        The layer.
    chip : Chip
        The chip.
    blocks : int
        Output channels that are walked over: of a group, or all of a depthwise layer.
    """

    def __init__(self, shape: ConvShape, chip: Chip, blocks: int) -> None:
        self.shape = shape
        self.chip = chip
        self.blocks = blocks
        self.single = _pieces(shape.n, shape.n)
        self.thin = _pieces(blocks, ceil_div(blocks, chip.lanes), chip.lanes)
        channels = 1 if shape.depthwise else shape.group_ic
        whole = _pieces(shape.rows.out, 1), _pieces(shape.cols.out, 1), _pieces(blocks, 1)
        outer = shape.integer or shape.depthwise or shape.dtype.bits >= 32
        self.whole = Cut(_pieces(shape.n, 1), *whole, _pieces(channels, 1), outer)

    def __iter__(self) -> Iterator[Cut]:
        """Cuts from coarse to fine; see the module's docstring."""
        shape, whole = self.shape, self.whole
        image = replace(whole, batch=self.single)
        if whole.outer:
            yield image
            if len(self.thin) > 1 and not (shape.integer or shape.depthwise):
                yield replace(whole, channels=self.thin, outer=False)
            for pieces in range(2, len(self.thin) + 1):
                yield replace(image, channels=_pieces(self.blocks, pieces, self.chip.lanes))
            if not shape.integer:
                yield from self._row_cuts(image)
        else:
            yield replace(whole, channels=self.thin)
            for pieces in range(2, shape.n + 1):
                yield replace(whole, batch=_pieces(shape.n, pieces))
            yield from self._row_cuts(image)
        thin = replace(image, channels=self.thin)
        yield from self._row_cuts(thin)
        one_row = replace(thin, rows=_pieces(shape.rows.out, shape.rows.out))
        unit = self.chip.eu_num(shape.dtype)
        for pieces in range(2, ceil_div(shape.cols.out, unit) + 1):
            yield replace(one_row, cols=_pieces(shape.cols.out, pieces, unit))

    def finest(self) -> Cut:
        """The smallest tiles of all output channels' inputs, without double buffering."""
        cut = list(self)[-1]
        rows = _pieces(self.shape.rows.out, self.shape.rows.out)
        return replace(cut, rows=rows, doubled=False)

    def summed(self) -> Iterator[Cut]:
        """Cuts along the input channels, from coarse to fine (inferred).

        They are for windows whose rows lie far apart, and for filters that fill a lane.
        """
        image = replace(self.whole, batch=self.single, channels=self.thin)
        unit = self.chip.ic_parallel(self.shape.dtype)
        for cut in (image, *self._row_cuts(image)):
            for pieces in range(2, ceil_div(self.shape.group_ic, unit) + 1):
                yield replace(cut, inputs=_pieces(self.shape.group_ic, pieces, unit))

    def _row_cuts(self, cut: Cut) -> Iterator[Cut]:
        """Ever more pieces of rows, as long as their heights differ."""
        size = self.shape.rows.out
        for height in range(size - 1, 0, -1):
            pieces = ceil_div(size, height)
            if ceil_div(size, pieces) == height:
                yield replace(cut, rows=_pieces(size, pieces))


def _pieces(length: int, count: int, unit: int = 1) -> tuple[Piece, ...]:
    return tuple(even_chunks(length, count, unit))
