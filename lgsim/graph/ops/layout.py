"""Ops that only move or rename elements."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import (
    check_axes,
    check_axis,
    check_choice,
    check_operands,
    check_per_dimension,
    check_rank,
    matches_elements,
    result,
    shape_text,
)
from lgsim.graph.tensor_type import Shape, TensorType

PAD_MODES = ("constant", "reflect", "edge", "wrap")


@op_kind
class Permute(OpKind):
    """Dimension i of the result is dimension `order[i]` of the input."""

    order: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The permuted shape."""
        check_operands(inputs, 1)
        x = inputs[0].shape
        if sorted(self.order) != list(range(len(x))):
            raise refuse(f"order {self.order} does not permute {shape_text(x)}")
        return result([x[axis] for axis in self.order], inputs[0].dtype)

    def moves_data(self, shape: Shape) -> bool:
        """Whether the elements of an input of this shape change their order in memory.

        Permuting dimensions of size 1 among others does not.
        """
        moved = [axis for axis in self.order if shape[axis] != 1]
        return moved != sorted(moved)


def merge_permutation(shape: Sequence[int], order: Sequence[int]) -> tuple[Shape, Shape]:
    """Drop dimensions of size 1 and merge those that stay neighbours: (shape, order)."""
    kept = [axis for axis in range(len(shape)) if shape[axis] != 1]
    rank = {axis: i for i, axis in enumerate(kept)}
    order = [rank[axis] for axis in order if axis in rank]
    sizes = [shape[axis] for axis in kept]
    groups: list[list[int]] = []
    for axis in order:
        if groups and groups[-1][-1] + 1 == axis:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    first = sorted(range(len(groups)), key=lambda k: groups[k][0])
    position = {k: i for i, k in enumerate(first)}
    merged = tuple(prod(sizes[axis] for axis in groups[k]) for k in first)
    return merged, tuple(position[k] for k in range(len(groups)))


@op_kind
class Reshape(OpKind):
    """The same elements, in the same order, in another `shape` (every number explicit)."""

    shape: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The given shape."""
        check_operands(inputs, 1)
        if not matches_elements(self.shape, inputs[0]):
            raise refuse(
                f"{shape_text(inputs[0].shape)} does not reshape to {shape_text(self.shape)}"
            )
        return result(self.shape, inputs[0].dtype)


@op_kind
class Squeeze(OpKind):
    """Drops `axes` of size 1."""

    axes: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape without the axes."""
        check_operands(inputs, 1)
        x = inputs[0].shape
        check_axes(self.axes, len(x))
        if any(x[axis] != 1 for axis in self.axes):
            raise refuse(f"axes {self.axes} of {shape_text(x)} are not all 1")
        return result([n for i, n in enumerate(x) if i not in self.axes], inputs[0].dtype)


@op_kind
class Unsqueeze(OpKind):
    """Inserts dimensions of size 1, so that they stand at `axes` of the result."""

    axes: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape with the axes."""
        check_operands(inputs, 1)
        rank = len(inputs[0].shape) + len(self.axes)
        check_axes(self.axes, rank)
        sizes = iter(inputs[0].shape)
        return result([1 if i in self.axes else next(sizes) for i in range(rank)], inputs[0].dtype)


RESHAPES = (Reshape, Squeeze, Unsqueeze)
"""Kinds that only rename dimensions."""


@op_kind
class Concat(OpKind):
    """All operands one after the other along `axis`."""

    axis: int

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The common shape, with the sum of the sizes on the axis."""
        check_operands(inputs, 1, len(inputs))
        first = inputs[0].shape
        check_axis(self.axis, len(first))
        for x in inputs:
            others = list(x.shape)
            if len(others) == len(first):
                others[self.axis] = first[self.axis]
            if others != list(first):
                shapes = ", ".join(shape_text(y.shape) for y in inputs)
                raise refuse(f"shapes {shapes} do not concatenate on axis {self.axis}")
        shape = list(first)
        shape[self.axis] = sum(x.shape[self.axis] for x in inputs)
        return result(shape, inputs[0].dtype)


@op_kind
class Slice(OpKind):
    """Elements start, start + step, … before end, per dimension.

    Bounds are resolved and given for every dimension: 0 ≤ start < end ≤ size for a positive
    step, −1 ≤ end < start < size for a negative one.
    """

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    steps: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(end − start) / step elements per dimension, rounded up."""
        check_operands(inputs, 1)
        x = inputs[0].shape
        if not len(self.starts) == len(self.ends) == len(self.steps) == len(x):
            raise refuse(f"bounds of {shape_text(x)} are not given for each dimension")
        return result(
            [
                _slice_size(*bounds)
                for bounds in zip(x, self.starts, self.ends, self.steps, strict=True)
            ],
            inputs[0].dtype,
        )


@op_kind
class Tile(OpKind):
    """The input repeated `repeats[i]` times along dimension i (also a broadcast, from 1)."""

    repeats: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Each size times its repeats."""
        check_operands(inputs, 1)
        x = inputs[0].shape
        check_per_dimension("repeats", self.repeats, len(x), 1)
        return result([n * r for n, r in zip(x, self.repeats, strict=True)], inputs[0].dtype)


@op_kind
class Pad(OpKind):
    """The input with a border.

    Attributes
    ----------
    pads : tuple of int
        Elements before each dimension, then after each; none negative (cropping is a `Slice`).
    mode : str
        One of `PAD_MODES`.
    value : float
        What a constant border consists of.
    """

    pads: tuple[int, ...]
    mode: str = "constant"
    value: float = 0.0

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Each size plus its borders."""
        check_operands(inputs, 1)
        check_choice("pad mode", self.mode, PAD_MODES)
        x = inputs[0].shape
        rank = len(x)
        check_per_dimension("pads", self.pads, 2 * rank, 0)
        if self.mode == "reflect" and any(
            max(self.pads[i], self.pads[rank + i]) >= n for i, n in enumerate(x)
        ):
            raise refuse(f"{shape_text(x)} is too small to be reflected by {self.pads}")
        return result(
            [n + self.pads[i] + self.pads[rank + i] for i, n in enumerate(x)], inputs[0].dtype
        )


@op_kind
class Depth2Space(OpKind):
    """Blocks of channels to blocks of pixels, or back.

    Attributes
    ----------
    block_h, block_w : int
        Size of a block in pixels.
    dcr : bool
        Channels are ordered (block row, block column, channel), else the channel comes first.
    inverse : bool
        From pixels to channels (Space2Depth).
    channels_last : bool
        The tensor is (N, H, W, C) instead of (N, C, H, W).
    column_first : bool
        The block column stands before the block row in the channels.
    """

    block_h: int
    block_w: int
    dcr: bool = True
    inverse: bool = False
    channels_last: bool = False
    column_first: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """C over (times, if inverse) the block size; H and W times (over) the block sides."""
        check_operands(inputs, 1)
        check_rank(inputs[0], 4, 4)
        check_per_dimension("block", (self.block_h, self.block_w), 2, 1)
        x = inputs[0].shape
        n, c, h, w = (x[0], x[3], x[1], x[2]) if self.channels_last else x
        block = self.block_h * self.block_w
        misfit = h % self.block_h or w % self.block_w if self.inverse else c % block
        if misfit:
            raise refuse(f"{shape_text(x)} has no {self.block_h}x{self.block_w} blocks")
        if self.inverse:
            c, h, w = c * block, h // self.block_h, w // self.block_w
        else:
            c, h, w = c // block, h * self.block_h, w * self.block_w
        return result((n, h, w, c) if self.channels_last else (n, c, h, w), inputs[0].dtype)


@op_kind
class SwapDimInner(OpKind):
    """Roll: along each dimension, the part from the offset on comes first, then what was before.

    `offsets` has one number per dimension; 0 leaves the dimension alone.
    """

    offsets: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        x = inputs[0].shape
        check_per_dimension("offsets", self.offsets, len(x), 0)
        if any(offset >= n for offset, n in zip(self.offsets, x, strict=True)):
            raise refuse(f"offsets {self.offsets} reach beyond {shape_text(x)}")
        return (inputs[0],)


@op_kind
class ShuffleChannel(OpKind):
    """Channels of (N, C, …) seen as (group, C/group) and transposed."""

    group: int

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        check_rank(inputs[0], 2)
        if self.group < 1 or inputs[0].shape[1] % self.group:
            raise refuse(f"{inputs[0].shape[1]} channels do not form {self.group} group(s)")
        return (inputs[0],)


def _slice_size(size: int, start: int, end: int, step: int) -> int:
    forward = step > 0 and 0 <= start < end <= size
    backward = step < 0 and -1 <= end < start < size
    if not (forward or backward):
        raise refuse(f"{start}:{end}:{step} is no slice of {size} elements")
    return -((start - end) // step)
