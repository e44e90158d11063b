"""Reductions, positions of extremes, sorting and running sums."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.dtypes import DType
from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import check_axes, check_axis, check_choice, check_operands, result
from lgsim.graph.tensor_type import TensorType

REDUCE_MODES = (
    "mean",
    "sum",
    "max",
    "min",
    "prod",
    "l1",
    "l2",
    "sumsquare",
    "logsum",
    "logsumexp",
)


@op_kind
class Reduce(OpKind):
    """One number for all elements along `axes`; `mode` is one of `REDUCE_MODES`.

    The reduced dimensions stay as 1 if `keepdims`, else they are dropped.
    """

    mode: str
    axes: tuple[int, ...]
    keepdims: bool = True

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape without (or with 1 for) the reduced axes."""
        check_operands(inputs, 1)
        check_choice("reduction", self.mode, REDUCE_MODES)
        check_axes(self.axes, len(inputs[0].shape))
        return _reduced(inputs[0], self.axes, self.keepdims, inputs[0].dtype)


@op_kind
class Arg(OpKind):
    """Position of the largest (`mode` ``max``) or smallest (``min``) element along an axis."""

    mode: str
    axis: int
    keepdims: bool = True

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape without (or with 1 for) the axis, of 64-bit integers as in ONNX."""
        check_operands(inputs, 1)
        check_choice("mode", self.mode, ("max", "min"))
        check_axis(self.axis, len(inputs[0].shape))
        return _reduced(inputs[0], (self.axis,), self.keepdims, DType.I64)


@op_kind
class TopK(OpKind):
    """The `k` largest (or smallest) elements along an axis; outputs are values and positions."""

    axis: int
    k: int
    largest: bool = True

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Twice the shape with `k` on the axis; positions are 64-bit integers as in ONNX."""
        check_operands(inputs, 1)
        shape = list(inputs[0].shape)
        check_axis(self.axis, len(shape))
        if not 1 <= self.k <= shape[self.axis]:
            raise refuse(f"k = {self.k} of {shape[self.axis]} elements")
        shape[self.axis] = self.k
        return (*result(shape, inputs[0].dtype), *result(shape, DType.I64))


@op_kind
class CumSum(OpKind):
    """Running sum along an axis, without the element itself if `exclusive`."""

    axis: int
    exclusive: bool = False
    reverse: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        check_axis(self.axis, len(inputs[0].shape))
        return (inputs[0],)


def _reduced(
    x: TensorType, axes: tuple[int, ...], keepdims: bool, dtype: DType
) -> tuple[TensorType, ...]:
    shape = [
        1 if i in axes else size for i, size in enumerate(x.shape) if keepdims or i not in axes
    ]
    return result(shape, dtype)
