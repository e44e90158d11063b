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
from lgsim.graph.build_elementwise import ElementwiseBuilder
from lgsim.graph.values import Tensor

Sizes = int | Sequence[int]
Window = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class GraphBuilder(ElementwiseBuilder):
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
