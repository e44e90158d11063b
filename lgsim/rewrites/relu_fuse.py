"""Rewrite `relu_fuse`: a ReLU becomes a flag of the op that computes its operand."""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph import ops
from lgsim.graph.core import Graph
from lgsim.rewrites.base import Rewrite, bypass, live_ops, sole_consumer

FUSABLE = (
    ops.Conv,
    ops.Deconv,
    ops.MatMul,
    ops.Add,
    ops.Sub,
    ops.Mul,
    ops.Scale,
    ops.AddConst,
    ops.SubConst,
    ops.MulConst,
)


# Those that can also cut off at a limit.
LIMITABLE = (ops.Conv, ops.Deconv)


class ReluFuse(Rewrite):
    """conv(x) → relu becomes conv(x, relu): the chip clamps results on their way out."""

    name = "relu_fuse"
    summary = "fuse a ReLU into the convolution, matmul or arithmetic in front of it"

    def apply(self, graph: Graph) -> int:
        """Fuse every ReLU whose operand nobody else reads; with a limit only into convolutions."""
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.Relu):
                continue
            producer = graph.producer(op.inputs[0])
            if producer is None or sole_consumer(graph, op.inputs[0]) is None:
                continue
            fused = _with_relu(producer.attrs, op.attrs.limit)
            if fused is None:
                continue
            graph.replace_op(producer.name, attrs=fused)
            bypass(graph, op)
            count += 1
        return count


def _with_relu(attrs: ops.OpKind, limit: float) -> ops.OpKind | None:
    """The attributes with a ReLU fused, or None where that cannot be."""
    if isinstance(attrs, LIMITABLE) and not attrs.relu:
        return replace(attrs, relu=True, relu_limit=limit)
    if isinstance(attrs, FUSABLE) and limit <= 0:
        return replace(attrs, relu=True)
    return None
