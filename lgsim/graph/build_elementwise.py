"""`ElementwiseBuilder`: the part of `GraphBuilder` that computes with elements and matrices."""

from __future__ import annotations

from collections.abc import Callable

from lgsim.graph import ops
from lgsim.graph.build_core import from_front
from lgsim.graph.build_layout import LayoutBuilder
from lgsim.graph.dtypes import DType
from lgsim.graph.values import Tensor


class ElementwiseBuilder(LayoutBuilder):
    """Arithmetic, matrix products, and functions of each element or of a row."""

    # -- arithmetic ------------------------------------------------------------------------

    def matmul(
        self,
        left: Tensor,
        right: Tensor,
        left_transpose: bool = False,
        right_transpose: bool = False,
        name: str | None = None,
    ) -> Tensor:
        """Matrix product of two tensors."""
        return self.op(ops.MatMul(left_transpose, right_transpose), left, right, name=name)

    def add(self, x: Tensor, y: Tensor | float, name: str | None = None) -> Tensor:
        """Sum with a tensor (broadcast) or a number."""
        return self._with_number(ops.Add(), ops.AddConst, x, y, name)

    def sub(self, x: Tensor, y: Tensor | float, name: str | None = None) -> Tensor:
        """Difference with a tensor (broadcast) or a number."""
        return self._with_number(ops.Sub(), lambda value: ops.AddConst(-value), x, y, name)

    def mul(self, x: Tensor, y: Tensor | float, name: str | None = None) -> Tensor:
        """Product with a tensor (broadcast) or a number."""
        return self._with_number(ops.Mul(), ops.MulConst, x, y, name)

    def div(self, x: Tensor, y: Tensor | float, name: str | None = None) -> Tensor:
        """Quotient by a tensor (broadcast) or a number, which is a product with its inverse."""
        return self._with_number(ops.Div(), lambda value: ops.MulConst(1.0 / value), x, y, name)

    def _with_number(
        self,
        kind: ops.OpKind,
        with_number: Callable[[float], ops.OpKind],
        x: Tensor,
        y: Tensor | float,
        name: str | None,
    ) -> Tensor:
        if isinstance(y, Tensor):
            return self.op(kind, x, y, name=name)
        return self.op(with_number(float(y)), x, name=name)

    # -- functions of elements -------------------------------------------------------------

    def active(
        self, x: Tensor, mode: str, alpha: float = 0.0, beta: float = 0.0, name: str | None = None
    ) -> Tensor:
        """Any function of `lgsim.graph.ops.ACTIVE_MODES`, for example ``mish``."""
        return self.op(ops.Active(mode, alpha, beta), x, name=name)

    def relu(self, x: Tensor, limit: float = -1.0, name: str | None = None) -> Tensor:
        """ReLU, with an upper limit if that is positive (6 for ReLU6)."""
        return self.op(ops.Relu(limit), x, name=name)

    def leaky_relu(self, x: Tensor, alpha: float = 0.01, name: str | None = None) -> Tensor:
        """ReLU with slope `alpha` below zero."""
        return self.op(ops.LeakyRelu(alpha), x, name=name)

    def gelu(self, x: Tensor, name: str | None = None) -> Tensor:
        """GELU by the error function."""
        return self.active(x, "gelu", name=name)

    def silu(self, x: Tensor, name: str | None = None) -> Tensor:
        """SiLU, also called Swish."""
        return self.active(x, "silu", name=name)

    def sigmoid(self, x: Tensor, name: str | None = None) -> Tensor:
        """Logistic function."""
        return self.active(x, "sigmoid", name=name)

    def tanh(self, x: Tensor, name: str | None = None) -> Tensor:
        """Hyperbolic tangent."""
        return self.active(x, "tanh", name=name)

    def softmax(self, x: Tensor, axis: int = -1, name: str | None = None) -> Tensor:
        """Softmax over one axis."""
        return self.op(ops.Softmax(from_front(axis, len(x.shape))), x, name=name)

    def cast(self, x: Tensor, to: DType, name: str | None = None) -> Tensor:
        """The same numbers in another element type."""
        return self.op(ops.Cast(to), x, name=name)
