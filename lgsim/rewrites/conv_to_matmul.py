"""Rewrite `conv_to_matmul`: a patch embedding whose stride the chip cannot take is a matmul."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, append, derived_weight, is_weight, live_ops, replace_result

# Largest stride of a convolution or pooling instruction: four bits of the descriptor
# (layer-group facts: "pool stride <= 15").
MAX_STRIDE = 15


class ConvToMatmul(Rewrite):
    """A convolution of patches that do not overlap → reshape, permute, matmul.

    Only where the stride is beyond what a convolution instruction can hold.
    """

    name = "conv_to_matmul"
    summary = "a patch embedding with a stride beyond 15 becomes a permute and a matmul"

    def apply(self, graph: Graph) -> int:
        """Rewrite every 2-D convolution without groups or padding whose stride is its kernel."""
        count = 0
        for op in live_ops(graph):
            if not _matches(graph, op):
                continue
            _rewrite(graph, op)
            count += 1
        if count:
            graph.sort()
        return count


def _matches(graph: Graph, op: Op) -> bool:
    attrs = op.attrs
    if not isinstance(attrs, ops.Conv) or len(attrs.kernel) != 2:
        return False
    if not all(is_weight(graph, tensor) for tensor in op.inputs[1:]):
        return False
    shape = graph.tensor(op.inputs[0]).shape
    patches = attrs.kernel == attrs.strides and not any(attrs.pads) and max(attrs.dilations) == 1
    whole = all(size % k == 0 for size, k in zip(shape[2:], attrs.kernel, strict=True))
    return patches and whole and attrs.groups == 1 and max(attrs.strides) > MAX_STRIDE


def _rewrite(graph: Graph, op: Op) -> None:
    """(N, C, h·p, w·q) → (N, h·w, C·p·q) · (OC, C·p·q)ᵀ → (N, OC, h, w)."""
    assert isinstance(op.attrs, ops.Conv)
    n, c, height, width = graph.tensor(op.inputs[0]).shape
    p, q = op.attrs.kernel
    h, w = height // p, width // q
    channels = graph.tensor(op.inputs[1]).shape[0]
    x = append(graph, ops.Reshape((n, c, h, p, w, q)), [op.inputs[0]], f"{op.name}/patches")
    x = append(graph, ops.Permute((0, 2, 4, 1, 3, 5)), [x], f"{op.name}/permute")
    x = append(graph, ops.Reshape((n, h * w, c * p * q)), [x], f"{op.name}/rows")
    weight = derived_weight(
        graph,
        f"{op.inputs[1]}/matrix",
        (channels, c * p * q),
        [op.inputs[1]],
        lambda value: value.reshape(channels, -1),
    )
    limited = op.attrs.relu and op.attrs.relu_limit > 0
    attrs = ops.MatMul(right_transpose=True, relu=op.attrs.relu and not limited)
    x = append(graph, attrs, [x, weight, *op.inputs[2:]], op.name)
    if limited:
        x = append(graph, ops.Relu(op.attrs.relu_limit), [x], f"{op.name}/relu")
    x = append(graph, ops.Permute((0, 2, 1)), [x], f"{op.name}/channels")
    shape = (n, channels, h, w)
    replace_result(graph, op, append(graph, ops.Reshape(shape), [x], f"{op.name}/image"))
