"""Rewrite `conv_scale_fold`: a constant factor behind a convolution goes into its weights."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, bypass, derived_weight, is_weight, live_ops, sole_consumer


class ConvScaleFold(Rewrite):
    """conv(x) · c → conv'(x), also through a reshape between the two."""

    name = "conv_scale_fold"
    summary = "multiply a constant factor behind a convolution into its filter and bias offline"

    def apply(self, graph: Graph) -> int:
        """Fold every factor whose convolution nobody else reads."""
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.MulConst) or op.attrs.relu:
                continue
            conv = _convolution(graph, op.inputs[0])
            if conv is None or op.outputs[0] in graph.outputs:
                continue
            value = op.attrs.value
            weights = [
                derived_weight(
                    graph,
                    f"{tensor}/scaled",
                    graph.tensor(tensor).shape,
                    [tensor],
                    lambda data, value=value: data * value,
                )
                for tensor in conv.inputs[1:]
            ]
            graph.replace_op(conv.name, inputs=[conv.inputs[0], *weights])
            bypass(graph, op)
            count += 1
        return count


def _convolution(graph: Graph, tensor: str) -> Op | None:
    """The convolution without ReLU that computes a tensor, perhaps reshaped, for one reader."""
    while sole_consumer(graph, tensor) is not None:
        producer = graph.producer(tensor)
        if producer is None:
            return None
        if isinstance(producer.attrs, ops.Conv | ops.Deconv):
            constant = all(is_weight(graph, weight) for weight in producer.inputs[1:])
            return producer if constant and not producer.attrs.relu else None
        if not isinstance(producer.attrs, ops.Reshape):
            return None
        tensor = producer.inputs[0]
    return None
