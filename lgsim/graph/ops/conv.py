"""Convolutions: 1-D to 3-D, grouped, dilated and transposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from lgsim.graph.core import TensorType
from lgsim.graph.ops.base import OpKind, refuse


@dataclass(frozen=True, slots=True)
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
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int = 1
    relu: bool = False

    @property
    def kind(self) -> str:
        """``Conv1D``, ``Conv2D`` or ``Conv3D``."""
        return f"Conv{len(self.kernel)}D"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(N, OC, *out) with out = (in + pads − dilation·(kernel − 1) − 1) // stride + 1."""
        x, weight = inputs[0].shape, inputs[1].shape
        rank = len(self.kernel)
        if len(x) != rank + 2 or len(weight) != rank + 2:
            raise refuse(f"input {x} and filter {weight} do not have {rank} spatial dimensions")
        if x[1] != weight[1] * self.groups or weight[0] % self.groups:
            raise refuse(f"{x[1]} channels do not fit filter {weight} in {self.groups} group(s)")
        spatial = tuple(
            (x[2 + i] + self.pads[i] + self.pads[rank + i] - self.dilations[i] * (k - 1) - 1)
            // self.strides[i]
            + 1
            for i, k in enumerate(self.kernel)
        )
        if min(spatial) < 1:
            raise refuse(f"kernel {self.kernel} is larger than the padded input {x}")
        return (TensorType((x[0], weight[0], *spatial), inputs[0].dtype),)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Output elements × input channels of a group × taps."""
        return outputs[0].elements * inputs[1].shape[1] * prod(self.kernel)
