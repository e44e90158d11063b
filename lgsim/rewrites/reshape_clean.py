"""Rewrite `reshape_clean`: ops that only rename dimensions are merged and dropped."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph
from lgsim.rewrites.base import Rewrite, bypass, drop_dead, live_ops, may_bypass


class ReshapeClean(Rewrite):
    """reshape(reshape(x)) → one reshape; a reshape to the same shape is dropped."""

    name = "reshape_clean"
    summary = "merge consecutive reshapes, and drop those that change nothing"

    def apply(self, graph: Graph) -> int:
        """Clean up the whole graph in one sweep."""
        count = merge_reshapes(graph)
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.RESHAPES):
                continue
            same = graph.tensor(op.inputs[0]).shape == graph.tensor(op.outputs[0]).shape
            if same and may_bypass(graph, op, op.inputs[0]):
                bypass(graph, op)
                count += 1
        return count


def merge_reshapes(graph: Graph) -> int:
    """A reshape of a reshape reads what the first one reads; returns how many did not so far."""
    count = 0
    for op in live_ops(graph):
        producer = graph.producer(op.inputs[0]) if isinstance(op.attrs, ops.RESHAPES) else None
        if producer is not None and isinstance(producer.attrs, ops.RESHAPES):
            result = graph.tensor(op.outputs[0]).shape
            graph.replace_op(op.name, ops.Reshape(result), [producer.inputs[0]])
            drop_dead(graph, producer)
            count += 1
    return count
