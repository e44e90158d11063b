"""Functions of one element: activations, clipping, casts, table look-ups, rescaling."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.dtypes import DType
from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import broadcast, check_choice, check_operands, result
from lgsim.graph.tensor_type import TensorType

ACTIVE_MODES = (
    # activations of networks
    "gelu", "tanh_gelu", "quick_gelu", "silu", "sigmoid", "log_sigmoid", "tanh", "softplus",
    "mish", "hard_swish", "hard_sigmoid", "elu", "selu", "celu", "softsign", "thresholded_relu",
    # functions
    "exp", "log", "erf", "sqrt", "rsqrt", "square", "abs", "neg", "sign", "floor", "ceil",
    "round", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh",
    "atanh", "not", "is_nan", "is_inf",
)  # fmt: skip


class Unary(OpKind):
    """One operand; the result has its type."""

    __slots__ = ()

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand."""
        check_operands(inputs, 1)
        return (inputs[0],)


@op_kind
class Active(Unary):
    """A function of each element.

    Attributes
    ----------
    mode : str
        One of `ACTIVE_MODES`.
    alpha, beta : float
        Parameters of ``elu`` and ``celu`` (alpha), ``hard_sigmoid`` (alpha·x + beta) and
        ``thresholded_relu`` (alpha).
    """

    mode: str
    alpha: float = 0.0
    beta: float = 0.0

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of the operand; booleans for tests."""
        check_operands(inputs, 1)
        check_choice("activation", self.mode, ACTIVE_MODES)
        is_test = self.mode in ("not", "is_nan", "is_inf")
        return result(inputs[0].shape, DType.BOOL if is_test else inputs[0].dtype)


@op_kind
class Relu(Unary):
    """max(x, 0), and at most `limit` if that is positive (6 for ReLU6)."""

    limit: float = -1.0


@op_kind
class LeakyRelu(Unary):
    """x where it is positive, alpha·x elsewhere."""

    alpha: float


@op_kind
class PRelu(OpKind):
    """x where it is positive, slope·x elsewhere; inputs x and slope, which broadcasts to x."""

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x."""
        check_operands(inputs, 2)
        if broadcast([x.shape for x in inputs]) != inputs[0].shape:
            raise refuse("the slope is larger than the input")
        return (inputs[0],)


@op_kind
class Clip(Unary):
    """x limited to the range `low` to `high` (infinite where open)."""

    low: float
    high: float


@op_kind
class Cast(Unary):
    """x with the element type `to`."""

    to: DType

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of the operand, of the new element type."""
        check_operands(inputs, 1)
        return result(inputs[0].shape, self.to)


@op_kind
class Lut(OpKind):
    """table[x] for 8-bit x; inputs x and a table of 256 entries (activations in int8)."""

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of x, of the table's element type."""
        check_operands(inputs, 2)
        if inputs[1].elements != 256:
            raise refuse(f"the table has {inputs[1].elements} entries", limit="256")
        return result(inputs[0].shape, inputs[1].dtype)


@op_kind
class MulShift(Unary):
    """An int8 tensor times an integer, shifted right: a constant factor after quantization."""


@op_kind
class RequantInt(OpKind):
    """int32 sums to 8 bits; inputs x and, per channel of axis 1, (multiplier, shift, zero).

    Attributes
    ----------
    to : DType
        Element type of the result.
    """

    to: DType = DType.I8

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of x, of the new element type."""
        check_operands(inputs, 1, 2)
        return result(inputs[0].shape, self.to)


@op_kind
class DequantInt(OpKind):
    """8 bits to int32 with another scale; inputs x and maybe factors per channel of axis 1."""

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The shape of x, of 32-bit integers."""
        check_operands(inputs, 1, 2)
        return result(inputs[0].shape, DType.I32)
