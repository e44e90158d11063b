"""Sliding-window geometry shared by convolution, deconvolution and pooling: what a slice needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Conv, Deconv
from lgsim.kernels.site import OpSite


@dataclass(frozen=True, slots=True)
class Slide:
    """One spatial axis of a sliding window.

    Parameters
    ----------
    size, out : int
        Length of the input and of the output.
    kernel, stride, dilation, pad : int
        Of the window; `pad` is that in front.
    transposed : bool
        Whether the input slides over the output (deconvolution).
    """

    size: int
    out: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    pad: int = 0
    transposed: bool = False

    def needs(self, start: int, length: int) -> tuple[int, int]:
        """(start, length) of the input that outputs `start` … `start + length − 1` read.

        Clipped to the input; at least one element, for windows that lie in the padding only.
        """
        last = start + length - 1
        reach = (self.kernel - 1) * self.dilation
        if self.transposed:
            first_in = -(-(start + self.pad - reach) // self.stride)
            last_in = (last + self.pad) // self.stride
        else:
            first_in = start * self.stride - self.pad
            last_in = last * self.stride - self.pad + reach
        first_in = min(max(first_in, 0), self.size - 1)
        last_in = max(min(last_in, self.size - 1), first_in)
        return first_in, last_in - first_in + 1

    def group_piece(self, start: int, length: int) -> tuple[int, int]:
        """(start, length) of the input that a slice of a layer group loads for its outputs.

        A stride longer than the kernel is loaded whole, and the last slice takes what is left of
        the input (docs/chip.md §3).
        """
        if self.transposed:
            return self.needs(start, length)
        begin = start * self.stride - self.pad
        reach = max((self.kernel - 1) * self.dilation + 1, self.stride)
        end = min(begin + (length - 1) * self.stride + reach, self.size)
        if start + length == self.out:
            end = self.size
        begin = min(max(begin, 0), self.size - 1)
        return begin, max(end - begin, 1)

    def sources(self, position: int) -> list[int | None]:
        """Per tap, the input element that output `position` reads; None where it reads a zero."""
        found: list[int | None] = []
        for tap in range(self.kernel):
            if self.transposed:
                source, rest = divmod(position + self.pad - tap * self.dilation, self.stride)
            else:
                source, rest = position * self.stride - self.pad + tap * self.dilation, 0
            found.append(source if rest == 0 and 0 <= source < self.size else None)
        return found

    def widest(self, pieces: Iterable[tuple[int, int]]) -> tuple[int, int]:
        """The first of some pieces of the output that needs the most input."""
        return max(pieces, key=lambda piece: self.needs(*piece)[1])

    def most(self, pieces: Iterable[tuple[int, int]]) -> int:
        """Longest input that one of several pieces of the output needs."""
        return self.needs(*self.widest(pieces))[1]


@dataclass(frozen=True, slots=True)
class ConvShape:
    """A convolution or deconvolution as (n, c, d, h, w), whatever its rank.

    A 1-D convolution slides over h. `ic` and `oc` are totals over all groups; `bias` is the type
    of the bias, None without one. The input must not be overwritten if it is `shared`.
    """

    n: int
    ic: int
    oc: int
    groups: int
    depth: Slide
    rows: Slide
    cols: Slide
    dtype: DType
    result: DType
    bias: DType | None
    relu: bool
    shared: bool = False

    @property
    def group_ic(self) -> int:
        """Input channels of one group."""
        return self.ic // self.groups

    @property
    def group_oc(self) -> int:
        """Output channels of one group."""
        return self.oc // self.groups

    @property
    def taps(self) -> int:
        """Elements of the kernel."""
        return self.depth.kernel * self.rows.kernel * self.cols.kernel

    @property
    def flat(self) -> bool:
        """Whether there is no depth: a 1-D or 2-D convolution."""
        return self.depth.kernel == self.depth.size == self.depth.out == 1

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel over h and w."""
        return self.rows.kernel, self.cols.kernel

    @property
    def depthwise(self) -> bool:
        """Whether every channel has its own kernel and result."""
        return self.groups > 1 and self.groups == self.ic == self.oc

    @property
    def integer(self) -> bool:
        """Whether operands are 8-bit integers, summed in int32."""
        return not self.dtype.is_float

    @property
    def requant(self) -> bool:
        """Whether the int32 sums are brought back to 8 bits by the op itself."""
        return self.integer and self.result.bits <= 8


@lru_cache(maxsize=1 << 12)
def conv_shape(site: OpSite) -> ConvShape:
    """The geometry of a `Conv` or `Deconv` site."""
    attrs = site.attrs
    assert isinstance(attrs, Conv | Deconv)
    x, result = site.inputs[0].type, site.outputs[0]
    rank = len(attrs.kernel)
    slides = [_slide(attrs, x.shape, result.shape, axis) for axis in range(rank)]
    depth, rows, cols = spread_axes(slides)
    bias = site.inputs[2].type.dtype if len(site.inputs) > 2 else None
    shape = ConvShape(
        x.shape[0],
        x.shape[1],
        result.shape[1],
        attrs.groups,
        depth,
        rows,
        cols,
        x.dtype,
        result.dtype,
        bias,
        attrs.relu,
        site.inputs[0].shared,
    )
    if bias is not None and shape.depthwise and x.dtype.bits == 16:
        # It adds its bias itself, in its own type (reference/plans: all 18 of efficientvit_m0).
        return replace(shape, bias=x.dtype)
    return shape


def spread_axes(slides: list[Slide]) -> tuple[Slide, Slide, Slide]:
    """Depth, rows and columns for one to three spatial axes; a single axis becomes the rows."""
    none = Slide(1, 1)
    if len(slides) == 1:
        return none, slides[0], none
    if len(slides) == 2:
        return none, slides[0], slides[1]
    return slides[0], slides[1], slides[2]


def _slide(attrs: Conv | Deconv, x: Shape, result: Shape, axis: int) -> Slide:
    return Slide(
        x[2 + axis],
        result[2 + axis],
        attrs.kernel[axis],
        attrs.strides[axis],
        attrs.dilations[axis],
        attrs.pads[axis],
        isinstance(attrs, Deconv),
    )
