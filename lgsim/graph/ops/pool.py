"""Pooling windows, 1-D to 3-D."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.ops.base import OpKind, op_kind
from lgsim.graph.ops.rules import check_choice, check_operands, check_window, result, windows
from lgsim.graph.tensor_type import TensorType

POOL_MODES = ("avg", "max", "lp")


@op_kind
class Pool(OpKind):
    """Average, maximum or L2 norm over the windows of (N, C, *spatial).

    Importers resolve rounding up (ceil_mode) and automatic padding into `pads`, and global or
    adaptive pooling into windows.

    Attributes
    ----------
    mode : str
        ``avg``, ``max`` or ``lp``.
    kernel, strides : tuple of int
        One number per spatial dimension (1 to 3 of them).
    pads : tuple of int
        Padding before each spatial dimension, then after each.
    count_include_pad : bool
        Whether the average counts padding.
    relu : bool
        Whether a ReLU is fused.
    dilations : tuple of int
        Distance of neighbouring taps per spatial dimension; empty means 1 everywhere.
    """

    mode: str
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    count_include_pad: bool = False
    relu: bool = False
    dilations: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """``Pool1D``, ``Pool2D`` or ``Pool3D``."""
        return f"Pool{len(self.kernel)}D"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(N, C, *out) with out = (in + pads − dilation·(kernel − 1) − 1) // stride + 1."""
        check_operands(inputs, 1)
        check_choice("pool mode", self.mode, POOL_MODES)
        x = inputs[0].shape
        dilations = self.dilations or (1,) * len(self.kernel)
        check_window(self.kernel, self.strides, self.pads, dilations, len(x) - 2)
        spatial = windows(x, self.kernel, self.strides, self.pads, dilations)
        return result((*x[:2], *spatial), inputs[0].dtype)
