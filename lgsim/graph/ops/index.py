"""Look-ups and updates by index."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.dtypes import DType
from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import (
    check_axis,
    check_choice,
    check_integer,
    check_operands,
    check_rank,
    check_shape,
    result,
    shape_text,
)
from lgsim.graph.tensor_type import TensorType

SCATTER_REDUCTIONS = ("none", "add", "mul", "min", "max")


@op_kind
class Gather(OpKind):
    """Slices of x along `axis`, picked by indices of any shape; inputs x, indices."""

    axis: int

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of x with the axis replaced by the shape of the indices."""
        check_operands(inputs, 2)
        x, indices = inputs
        check_axis(self.axis, len(x.shape))
        check_integer("indices", indices)
        return result((*x.shape[: self.axis], *indices.shape, *x.shape[self.axis + 1 :]), x.dtype)


@op_kind
class GatherElements(OpKind):
    """Elements of x at the position the index gives on `axis`; inputs x, indices."""

    axis: int

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of the indices."""
        check_operands(inputs, 2)
        x, indices = inputs
        check_axis(self.axis, len(x.shape))
        check_integer("indices", indices)
        _check_within(indices, x, self.axis)
        return result(indices.shape, x.dtype)


@op_kind
class GatherND(OpKind):
    """Slices of x at the index vectors of the last dimension of the indices; inputs x, indices."""

    batch_dims: int = 0

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of the indices without the vectors, then what of x they do not index."""
        check_operands(inputs, 2)
        x, indices = inputs
        check_rank(indices, 1)
        check_integer("indices", indices)
        depth = self.batch_dims + indices.shape[-1]
        batch = slice(0, self.batch_dims)
        if not 0 <= self.batch_dims < len(indices.shape) or depth > len(x.shape):
            raise refuse(f"{shape_text(indices.shape)} does not index {shape_text(x.shape)}")
        if indices.shape[batch] != x.shape[batch]:
            raise refuse(f"the first {self.batch_dims} dimension(s) differ")
        return result((*indices.shape[:-1], *x.shape[depth:]), x.dtype)


@op_kind
class ScatterElements(OpKind):
    """x with single elements replaced (or reduced); inputs x, indices, updates of one shape."""

    axis: int
    reduction: str = "none"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 3)
        x, indices, updates = inputs
        check_choice("reduction", self.reduction, SCATTER_REDUCTIONS)
        check_axis(self.axis, len(x.shape))
        check_integer("indices", indices)
        _check_within(indices, x, self.axis)
        check_shape("the update", updates, indices.shape)
        return (x,)


@op_kind
class ScatterND(OpKind):
    """x with slices replaced (or reduced) at index vectors; inputs x, indices, updates."""

    reduction: str = "none"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 3)
        x, indices, updates = inputs
        check_choice("reduction", self.reduction, SCATTER_REDUCTIONS)
        check_rank(indices, 1)
        check_integer("indices", indices)
        depth = indices.shape[-1]
        if depth > len(x.shape):
            raise refuse(f"{shape_text(indices.shape)} does not index {shape_text(x.shape)}")
        check_shape("the update", updates, (*indices.shape[:-1], *x.shape[depth:]))
        return (x,)


@op_kind
class OneHot(OpKind):
    """A new dimension of size `depth` at `axis` that is on at the index; inputs indices, [values].

    The optional second input holds the off and on values and gives the element type.
    """

    depth: int
    axis: int

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of the indices with `depth` inserted at the axis."""
        check_operands(inputs, 1, 2)
        shape = list(inputs[0].shape)
        check_axis(self.axis, len(shape) + 1)
        shape.insert(self.axis, self.depth)
        return result(shape, inputs[1].dtype if len(inputs) == 2 else DType.F32)


def _check_within(indices: TensorType, x: TensorType, axis: int) -> None:
    """Indices may be smaller than x, but not larger, off the axis."""
    fits = len(indices.shape) == len(x.shape) and all(
        i == axis or n <= x.shape[i] for i, n in enumerate(indices.shape)
    )
    if not fits:
        raise refuse(f"indices {shape_text(indices.shape)} do not fit {shape_text(x.shape)}")
