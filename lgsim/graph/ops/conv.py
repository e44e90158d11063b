"""Convolutions: 1-D to 3-D, grouped, dilated and transposed."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import (
    check_operands,
    check_per_dimension,
    check_shape,
    check_window,
    result,
    shape_text,
    windows,
)
from lgsim.graph.tensor_type import TensorType


@op_kind
class Conv(OpKind):
    """Convolution of (N, C, *spatial) with a filter (OC, C/groups, *kernel) and maybe a bias (OC,).

    Attributes
    ----------
    kernel, strides, dilations : tuple of int
        One number per spatial dimension (1 to 3 of them).
    pads : tuple of int
        Zeros before each spatial dimension, then after each, as in ONNX.
    groups : int
        Number of channel groups.
    relu : bool
        Whether a ReLU is fused.
    relu_limit : float
        Largest value the fused ReLU lets through (6 for ReLU6), if positive.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int = 1
    relu: bool = False
    relu_limit: float = -1.0

    @property
    def kind(self) -> str:
        """``Conv1D``, ``Conv2D`` or ``Conv3D``."""
        return f"Conv{len(self.kernel)}D"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(N, OC, *out) with out = (in + pads − dilation·(kernel − 1) − 1) // stride + 1."""
        check_operands(inputs, 2, 3)
        x, weight = inputs[0].shape, inputs[1].shape
        _check_filter(inputs, self.kernel)
        check_window(self.kernel, self.strides, self.pads, self.dilations, len(x) - 2)
        if self.groups < 1 or x[1] != weight[1] * self.groups or weight[0] % self.groups:
            raise refuse(
                f"{x[1]} channels do not fit filter {shape_text(weight)} in {self.groups} group(s)"
            )
        if len(inputs) == 3:
            check_shape("the bias", inputs[2], (weight[0],))
        spatial = windows(x, self.kernel, self.strides, self.pads, self.dilations)
        return result((x[0], weight[0], *spatial), inputs[0].dtype)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Output elements × input channels of a group × taps."""
        return outputs[0].elements * inputs[1].shape[1] * prod(self.kernel)


@op_kind
class Deconv(OpKind):
    """Transposed convolution of (N, C, *spatial), filter (C, OC/groups, *kernel), maybe bias (OC,).

    Attributes
    ----------
    kernel, strides, dilations : tuple of int
        One number per spatial dimension (1 to 3 of them).
    pads : tuple of int
        Cut from the full result before each spatial dimension, then after each, as in ONNX.
    output_padding : tuple of int
        Rows added after each spatial dimension of the result.
    groups : int
        Number of channel groups.
    relu : bool
        Whether a ReLU is fused.
    relu_limit : float
        Largest value the fused ReLU lets through (6 for ReLU6), if positive.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int = 1
    relu: bool = False
    relu_limit: float = -1.0

    @property
    def kind(self) -> str:
        """``Deconv`` for one or two spatial dimensions, ``Deconv3D`` for three."""
        return "Deconv3D" if len(self.kernel) == 3 else "Deconv"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(N, OC, *out), out = (in − 1)·stride + dilation·(kernel − 1) + 1 + padding − pads."""
        check_operands(inputs, 2, 3)
        x, weight = inputs[0].shape, inputs[1].shape
        _check_filter(inputs, self.kernel)
        rank = len(x) - 2
        check_window(self.kernel, self.strides, self.pads, self.dilations, rank)
        check_per_dimension("output_padding", self.output_padding, rank, 0)
        if self.groups < 1 or x[1] != weight[0] or weight[0] % self.groups:
            raise refuse(
                f"{x[1]} channels do not fit filter {shape_text(weight)} in {self.groups} group(s)"
            )
        channels = weight[1] * self.groups
        if len(inputs) == 3:
            check_shape("the bias", inputs[2], (channels,))
        spatial = tuple(
            (x[2 + i] - 1) * self.strides[i]
            + self.dilations[i] * (self.kernel[i] - 1)
            + 1
            + self.output_padding[i]
            - self.pads[i]
            - self.pads[rank + i]
            for i in range(rank)
        )
        return result((x[0], channels, *spatial), inputs[0].dtype)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Input elements × output channels of a group × taps: every input meets every tap once."""
        return inputs[0].elements * inputs[1].shape[1] * prod(self.kernel)


def _check_filter(inputs: Sequence[TensorType], kernel: tuple[int, ...]) -> None:
    x, weight = inputs[0].shape, inputs[1].shape
    rank = len(kernel)
    if len(x) != rank + 2 or len(weight) != rank + 2:
        raise refuse(
            f"input {shape_text(x)} and filter {shape_text(weight)}"
            f" do not have {rank} spatial dimension(s)"
        )
    if weight[2:] != kernel:
        raise refuse(f"filter {shape_text(weight)} does not have the kernel {shape_text(kernel)}")
