"""Resizing and resampling of images."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import (
    check_choice,
    check_operands,
    check_per_dimension,
    check_rank,
    result,
    shape_text,
)
from lgsim.graph.tensor_type import TensorType

INTERP_MODES = ("nearest", "linear", "cubic")
COORD_MODES = (
    "half_pixel",
    "pytorch_half_pixel",
    "half_pixel_symmetric",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
)


@op_kind
class Upsample(OpKind):
    """Each pixel of (N, C, H, W) repeated `scale_h` × `scale_w` times (nearest neighbour).

    Inputs x and, once lowered, the table of source positions that the chip reads.
    """

    scale_h: int
    scale_w: int

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(N, C, H · scale_h, W · scale_w)."""
        check_operands(inputs, 1, 2)
        check_rank(inputs[0], 4, 4)
        check_per_dimension("scale", (self.scale_h, self.scale_w), 2, 1)
        n, c, h, w = inputs[0].shape
        return result((n, c, h * self.scale_h, w * self.scale_w), inputs[0].dtype)


@op_kind
class Interp(OpKind):
    """(N, C, *spatial) resampled to another size.

    Attributes
    ----------
    size : tuple of int
        Spatial size of the result.
    mode : str
        One of `INTERP_MODES`; ``linear`` is bi- or trilinear.
    coord_mode : str
        How output coordinates map to input ones, in ONNX's words (`COORD_MODES`).
    """

    size: tuple[int, ...]
    mode: str = "linear"
    coord_mode: str = "half_pixel"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(N, C, *size)."""
        check_operands(inputs, 1)
        check_choice("interpolation", self.mode, INTERP_MODES)
        check_choice("coordinate mode", self.coord_mode, COORD_MODES)
        check_rank(inputs[0], 3, 5)
        check_per_dimension("size", self.size, len(inputs[0].shape) - 2, 1)
        return result((*inputs[0].shape[:2], *self.size), inputs[0].dtype)


@op_kind
class GridSampler(OpKind):
    """x (N, C, *in) sampled at the points of a grid (N, *out, dimensions); inputs x, grid."""

    mode: str = "linear"
    padding: str = "zeros"
    align_corners: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(N, C, *out)."""
        check_operands(inputs, 2)
        check_choice("interpolation", self.mode, INTERP_MODES)
        check_choice("padding", self.padding, ("zeros", "border", "reflection"))
        check_rank(inputs[0], 4, 5)
        x, grid = inputs[0].shape, inputs[1].shape
        if len(grid) != len(x) or grid[-1] != len(x) - 2 or grid[0] != x[0]:
            raise refuse(f"grid {shape_text(grid)} does not sample {shape_text(x)}")
        return result((*x[:2], *grid[1:-1]), inputs[0].dtype)
