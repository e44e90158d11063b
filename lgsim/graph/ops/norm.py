"""Normalisations: over trailing dimensions, groups, channels; Softmax; per-channel scaling."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.ops.activation import Unary
from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import check_axis, check_operands, check_rank, check_shape
from lgsim.graph.tensor_type import Shape, TensorType


@op_kind
class LayerNorm(OpKind):
    """(x − mean) / √(variance + eps) over dimensions `axis` and up; inputs x, [scale, [bias]].

    Scale and bias have the shape of the normalised dimensions.
    """

    axis: int
    eps: float = 1e-5

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 1, 3)
        check_axis(self.axis, len(inputs[0].shape))
        _check_affine(inputs, inputs[0].shape[self.axis :])
        return (inputs[0],)


@op_kind
class RMSNorm(OpKind):
    """x / √(mean of x² + eps) over dimensions `axis` and up; inputs x, [scale]."""

    axis: int
    eps: float = 1e-5

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 1, 2)
        check_axis(self.axis, len(inputs[0].shape))
        _check_affine(inputs, inputs[0].shape[self.axis :])
        return (inputs[0],)


@op_kind
class GroupNorm(OpKind):
    """Normalisation of (N, C, *spatial) over groups of channels; inputs x, [scale, [bias]] (C,)."""

    groups: int
    eps: float = 1e-5

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 1, 3)
        check_rank(inputs[0], 2)
        channels = inputs[0].shape[1]
        if self.groups < 1 or channels % self.groups:
            raise refuse(f"{channels} channels do not form {self.groups} group(s)")
        _check_affine(inputs, (channels,))
        return (inputs[0],)


@op_kind
class InstanceNorm(OpKind):
    """Normalisation of each channel of (N, C, *spatial) alone; inputs x, [scale, [bias]] (C,)."""

    eps: float = 1e-5

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 1, 3)
        check_rank(inputs[0], 2)
        _check_affine(inputs, inputs[0].shape[1:2])
        return (inputs[0],)


@op_kind
class Scale(OpKind):
    """x · scale + bias per channel of axis 1 (a BatchNorm at inference).

    Inputs x, scale, bias and, when quantized, the right shift of each channel.
    """

    relu: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 2, 4)
        check_rank(inputs[0], 2)
        _check_affine(inputs, inputs[0].shape[1:2])
        return (inputs[0],)


@op_kind
class Softmax(OpKind):
    """Softmax over one axis; its logarithm if `log`."""

    axis: int
    log: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        check_axis(self.axis, len(inputs[0].shape))
        return (inputs[0],)


@op_kind
class LRN(Unary):
    """Local response normalisation over `size` neighbouring channels."""

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        check_rank(inputs[0], 2)
        return (inputs[0],)


def _check_affine(inputs: Sequence[TensorType], shape: Shape) -> None:
    for what, operand in zip(("the scale", "the bias"), inputs[1:], strict=False):
        check_shape(what, operand, shape)
