"""`GraphBuilder`: the layers that model scripts are written with.

A network in a few lines::

    b = GraphBuilder("tiny")
    x = b.input("input", (1, 3, 32, 32))
    with b.scope("stem"):
        x = b.relu(b.conv(x, 16, kernel=3, stride=2, pad=1))
    x = b.flatten(b.global_avg_pool(x))
    b.output(b.linear(x, 10, name="head"))
    graph = b.build()

Tensors know their shape (``x.shape``). Weights come into being with the layer that needs them
and have no values. Axes may count from the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.errors import LgsimError
from lgsim.graph import ops
from lgsim.graph.build_core import from_front
from lgsim.graph.build_layout import LayoutBuilder
from lgsim.graph.dtypes import DType
from lgsim.graph.values import Tensor

Sizes = int | Sequence[int]
Window = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class GraphBuilder(LayoutBuilder):
    """Builds a graph layer by layer; see the module for an example.

    Parameters
    ----------
    name : str
        Name of the network.
    dtype : DType
        Element type of inputs and weights that do not say otherwise.
    """

    # -- layers with weights ---------------------------------------------------------------

    def conv(
        self,
        x: Tensor,
        channels: int,
        kernel: Sizes,
        stride: Sizes = 1,
        pad: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        norm: bool = False,
        name: str | None = None,
    ) -> Tensor:
        """Convolution of (N, C, *spatial) to `channels`.

        Numbers count for every spatial dimension; `pad` also takes one number per side, those
        before all dimensions first. A BatchNorm behind it (`norm`) is folded: its shift is the
        bias, and its scale counts as trained parameters only.
        """
        rank = len(x.shape) - 2
        path = self._path(name, "Conv")
        window = _window(rank, kernel, stride, pad, dilation)
        _check_groups(path, x.shape[1], groups)
        operands = [x, self._trained(path, "weight", (channels, x.shape[1] // groups, *window[0]))]
        if bias or norm:
            operands.append(self._trained(path, "bias", (channels,)))
        if norm:
            self._folded_params += channels
        return self._apply(ops.Conv(*window, groups), operands, path)

    def deconv(
        self,
        x: Tensor,
        channels: int,
        kernel: Sizes,
        stride: Sizes = 1,
        pad: Sizes = 0,
        output_padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        name: str | None = None,
    ) -> Tensor:
        """Transposed convolution of (N, C, *spatial) to `channels`."""
        rank = len(x.shape) - 2
        path = self._path(name, "Deconv")
        window = _window(rank, kernel, stride, pad, dilation)
        _check_groups(path, channels, groups)
        operands = [x, self._trained(path, "weight", (x.shape[1], channels // groups, *window[0]))]
        if bias:
            operands.append(self._trained(path, "bias", (channels,)))
        attrs = ops.Deconv(*window, per_dimension(output_padding, rank), groups)
        return self._apply(attrs, operands, path)

    def linear(
        self, x: Tensor, features: int, bias: bool = True, name: str | None = None
    ) -> Tensor:
        """Dense layer on the last dimension: a MatMul with a weight (in, out)."""
        path = self._path(name, "MatMul")
        operands = [x, self._trained(path, "weight", (x.shape[-1], features))]
        if bias:
            operands.append(self._trained(path, "bias", (features,)))
        return self._apply(ops.MatMul(), operands, path)

    def layer_norm(
        self, x: Tensor, eps: float = 1e-5, axis: int = -1, name: str | None = None
    ) -> Tensor:
        """LayerNorm over dimension `axis` and those behind it, with scale and bias."""
        path = self._path(name, "LayerNorm")
        axis = from_front(axis, len(x.shape))
        operands = [x, *(self._trained(path, p, x.shape[axis:]) for p in ("weight", "bias"))]
        return self._apply(ops.LayerNorm(axis, eps), operands, path)

    def rms_norm(
        self, x: Tensor, eps: float = 1e-5, axis: int = -1, name: str | None = None
    ) -> Tensor:
        """RMSNorm over dimension `axis` and those behind it, with a scale."""
        path = self._path(name, "RMSNorm")
        axis = from_front(axis, len(x.shape))
        operands = [x, self._trained(path, "weight", x.shape[axis:])]
        return self._apply(ops.RMSNorm(axis, eps), operands, path)

    def group_norm(
        self, x: Tensor, groups: int, eps: float = 1e-5, name: str | None = None
    ) -> Tensor:
        """GroupNorm of (N, C, *spatial), with scale and bias per channel."""
        path = self._path(name, "GroupNorm")
        operands = [x, *(self._trained(path, p, x.shape[1:2]) for p in ("weight", "bias"))]
        return self._apply(ops.GroupNorm(groups, eps), operands, path)

    def batch_norm(self, x: Tensor, name: str | None = None) -> Tensor:
        """BatchNorm that no convolution in front of it can take in: scale and bias per channel."""
        path = self._path(name, "Scale")
        operands = [x, *(self._trained(path, p, x.shape[1:2]) for p in ("weight", "bias"))]
        return self._apply(ops.Scale(), operands, path)

    def embedding(
        self, indices: Tensor, entries: int, features: int, name: str | None = None
    ) -> Tensor:
        """Rows of a table (entries, features), looked up by integers."""
        path = self._path(name, "Gather")
        table = self._trained(path, "weight", (entries, features))
        return self._apply(ops.Gather(0), [table, indices], path)

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
        if isinstance(y, Tensor):
            return self.op(ops.Add(), x, y, name=name)
        return self.op(ops.AddConst(float(y)), x, name=name)

    def sub(self, x: Tensor, y: Tensor | float, name: str | None = None) -> Tensor:
        """Difference with a tensor (broadcast) or a number."""
        if isinstance(y, Tensor):
            return self.op(ops.Sub(), x, y, name=name)
        return self.op(ops.AddConst(-float(y)), x, name=name)

    def mul(self, x: Tensor, y: Tensor | float, name: str | None = None) -> Tensor:
        """Product with a tensor (broadcast) or a number."""
        if isinstance(y, Tensor):
            return self.op(ops.Mul(), x, y, name=name)
        return self.op(ops.MulConst(float(y)), x, name=name)

    def div(self, x: Tensor, y: Tensor | float, name: str | None = None) -> Tensor:
        """Quotient by a tensor (broadcast) or a number, which is a product with its inverse."""
        if isinstance(y, Tensor):
            return self.op(ops.Div(), x, y, name=name)
        return self.op(ops.MulConst(1.0 / y), x, name=name)

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

    # -- windows and reductions ------------------------------------------------------------

    def max_pool(
        self,
        x: Tensor,
        kernel: Sizes,
        stride: Sizes | None = None,
        pad: Sizes = 0,
        name: str | None = None,
    ) -> Tensor:
        """Maximum over windows; the stride is the kernel by default."""
        return self._pool("max", x, kernel, stride, pad, False, name)

    def avg_pool(
        self,
        x: Tensor,
        kernel: Sizes,
        stride: Sizes | None = None,
        pad: Sizes = 0,
        count_include_pad: bool = True,
        name: str | None = None,
    ) -> Tensor:
        """Average over windows; the stride is the kernel by default."""
        return self._pool("avg", x, kernel, stride, pad, count_include_pad, name)

    def global_avg_pool(self, x: Tensor, name: str | None = None) -> Tensor:
        """Average over all spatial dimensions, which stay as 1."""
        return self._pool("avg", x, x.shape[2:], 1, 0, False, name)

    def _pool(
        self,
        mode: str,
        x: Tensor,
        kernel: Sizes,
        stride: Sizes | None,
        pad: Sizes,
        count_include_pad: bool,
        name: str | None,
    ) -> Tensor:
        rank = len(x.shape) - 2
        attrs = ops.Pool(
            mode,
            per_dimension(kernel, rank),
            per_dimension(kernel if stride is None else stride, rank),
            per_side(pad, rank),
            count_include_pad,
        )
        return self.op(attrs, x, name=name)

    def reduce(
        self,
        x: Tensor,
        mode: str,
        axes: Sizes,
        keepdims: bool = False,
        name: str | None = None,
    ) -> Tensor:
        """Any reduction of `lgsim.graph.ops.REDUCE_MODES`, for example ``mean``."""
        rank = len(x.shape)
        picked = (axes,) if isinstance(axes, int) else axes
        attrs = ops.Reduce(mode, tuple(sorted(from_front(axis, rank) for axis in picked)), keepdims)
        return self.op(attrs, x, name=name)


def _window(rank: int, kernel: Sizes, stride: Sizes, pad: Sizes, dilation: Sizes) -> Window:
    """Kernel, strides, pads and dilations as convolutions store them."""
    return (
        per_dimension(kernel, rank),
        per_dimension(stride, rank),
        per_side(pad, rank),
        per_dimension(dilation, rank),
    )


def _check_groups(path: str, channels: int, groups: int) -> None:
    if groups < 1 or channels % groups:
        raise LgsimError(f"{channels} channels do not form {groups} group(s)", where=path)


def per_dimension(value: Sizes, rank: int) -> tuple[int, ...]:
    """One number per dimension; a single one counts for all."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def per_side(value: Sizes, rank: int) -> tuple[int, ...]:
    """One number per side; a single one, or one per dimension, counts for both sides."""
    pads = per_dimension(value, rank)
    return pads * 2 if len(pads) == rank else pads
