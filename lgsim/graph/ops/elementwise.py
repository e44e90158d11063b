"""Arithmetic on elements: two operands with broadcasting, or one operand and a constant."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.dtypes import DType
from lgsim.graph.ops.base import OpKind, op_kind
from lgsim.graph.ops.rules import broadcast, check_choice, check_operands, result
from lgsim.graph.tensor_type import TensorType

COMPARE_MODES = (
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "and",
    "or",
    "xor",
)


class Binary(OpKind):
    """Two operands that broadcast as in NumPy; the result has the first operand's element type."""

    __slots__ = ()

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The broadcast shape."""
        check_operands(inputs, 2)
        return result(broadcast([x.shape for x in inputs]), inputs[0].dtype)


class BinaryConst(OpKind):
    """One operand and a constant number; the result has the operand's type."""

    __slots__ = ()

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        return (inputs[0],)


@op_kind
class Add(Binary):
    """x + y, with a fused ReLU if `relu`."""

    relu: bool = False


@op_kind
class Sub(Binary):
    """x − y, with a fused ReLU if `relu`."""

    relu: bool = False


@op_kind
class Mul(Binary):
    """x · y, with a fused ReLU if `relu`."""

    relu: bool = False


@op_kind
class Div(Binary):
    """x / y."""


@op_kind
class Min(Binary):
    """The smaller of x and y."""


@op_kind
class Max(Binary):
    """The larger of x and y."""


@op_kind
class Pow(Binary):
    """x to the power y."""


@op_kind
class Mod(Binary):
    """Remainder of x / y."""


@op_kind
class Compare(Binary):
    """Comparison or logic of x and y; gives booleans. `mode` is one of `COMPARE_MODES`."""

    mode: str

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The broadcast shape, of booleans."""
        check_operands(inputs, 2)
        check_choice("comparison", self.mode, COMPARE_MODES)
        return result(broadcast([x.shape for x in inputs]), DType.BOOL)


@op_kind
class Where(OpKind):
    """x where the condition holds, else y; inputs condition, x, y."""

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The broadcast shape of all three, of x's element type."""
        check_operands(inputs, 3)
        return result(broadcast([x.shape for x in inputs]), inputs[1].dtype)


@op_kind
class AddConst(BinaryConst):
    """x + value, with a fused ReLU if `relu`."""

    value: float
    relu: bool = False


@op_kind
class SubConst(BinaryConst):
    """x − value, or value − x if `reverse`, with a fused ReLU if `relu`."""

    value: float
    reverse: bool = False
    relu: bool = False


@op_kind
class MulConst(BinaryConst):
    """x · value, with a fused ReLU if `relu`."""

    value: float
    relu: bool = False


@op_kind
class DivConst(BinaryConst):
    """value / x (a division by a constant is a `MulConst`)."""

    value: float


@op_kind
class MinConst(BinaryConst):
    """The smaller of x and value."""

    value: float


@op_kind
class MaxConst(BinaryConst):
    """The larger of x and value."""

    value: float


@op_kind
class PowConst(BinaryConst):
    """x to the power `exponent`."""

    exponent: float


@op_kind
class CompareConst(BinaryConst):
    """Comparison of x with a value (value with x if `reverse`); gives booleans."""

    mode: str
    value: float
    reverse: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of the operand, of booleans."""
        check_operands(inputs, 1)
        check_choice("comparison", self.mode, COMPARE_MODES)
        return result(inputs[0].shape, DType.BOOL)
