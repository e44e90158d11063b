"""Arithmetic on elements: two operands with broadcasting, or one operand and a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops.base import OpKind
from lgsim.graph.ops.rules import broadcast, check_choice, check_operands, result

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


class Binary(OpKind, abstract=True):
    """Two operands that broadcast as in NumPy; the result has the first operand's element type."""

    __slots__ = ()

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The broadcast shape."""
        check_operands(inputs, 2)
        return result(broadcast([x.shape for x in inputs]), inputs[0].dtype)


class BinaryConst(OpKind, abstract=True):
    """One operand and a constant number; the result has the operand's type."""

    __slots__ = ()

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        return (inputs[0],)


@dataclass(frozen=True, slots=True)
class Add(Binary):
    """x + y, with a fused ReLU if `relu`."""

    relu: bool = False


@dataclass(frozen=True, slots=True)
class Sub(Binary):
    """x − y, with a fused ReLU if `relu`."""

    relu: bool = False


@dataclass(frozen=True, slots=True)
class Mul(Binary):
    """x · y, with a fused ReLU if `relu`."""

    relu: bool = False


@dataclass(frozen=True, slots=True)
class Div(Binary):
    """x / y."""


@dataclass(frozen=True, slots=True)
class Min(Binary):
    """The smaller of x and y."""


@dataclass(frozen=True, slots=True)
class Max(Binary):
    """The larger of x and y."""


@dataclass(frozen=True, slots=True)
class Pow(Binary):
    """x to the power y."""


@dataclass(frozen=True, slots=True)
class Mod(Binary):
    """Remainder of x / y."""


@dataclass(frozen=True, slots=True)
class Compare(Binary):
    """Comparison or logic of x and y; gives booleans. `mode` is one of `COMPARE_MODES`."""

    mode: str

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The broadcast shape, of booleans."""
        check_operands(inputs, 2)
        check_choice("comparison", self.mode, COMPARE_MODES)
        return result(broadcast([x.shape for x in inputs]), DType.BOOL)


@dataclass(frozen=True, slots=True)
class Where(OpKind):
    """x where the condition holds, else y; inputs condition, x, y."""

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The broadcast shape of all three, of x's element type."""
        check_operands(inputs, 3)
        return result(broadcast([x.shape for x in inputs]), inputs[1].dtype)


@dataclass(frozen=True, slots=True)
class AddConst(BinaryConst):
    """x + value, with a fused ReLU if `relu`."""

    value: float
    relu: bool = False


@dataclass(frozen=True, slots=True)
class SubConst(BinaryConst):
    """x − value, or value − x if `reverse`, with a fused ReLU if `relu`."""

    value: float
    reverse: bool = False
    relu: bool = False


@dataclass(frozen=True, slots=True)
class MulConst(BinaryConst):
    """x · value, with a fused ReLU if `relu`."""

    value: float
    relu: bool = False


@dataclass(frozen=True, slots=True)
class DivConst(BinaryConst):
    """value / x (a division by a constant is a `MulConst`)."""

    value: float


@dataclass(frozen=True, slots=True)
class MinConst(BinaryConst):
    """The smaller of x and value."""

    value: float


@dataclass(frozen=True, slots=True)
class MaxConst(BinaryConst):
    """The larger of x and value."""

    value: float


@dataclass(frozen=True, slots=True)
class PowConst(BinaryConst):
    """x to the power `exponent`."""

    exponent: float


@dataclass(frozen=True, slots=True)
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
