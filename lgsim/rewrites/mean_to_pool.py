"""Rewrite `mean_to_pool`: a mean over the whole image is an average pooling."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, append, live_ops, replace_result


class MeanToPool(Rewrite):
    """reduce(mean, spatial axes) of (N, C, *spatial) → pool(avg), and a reshape if need be."""

    name = "mean_to_pool"
    summary = "a mean over all pixels of each channel becomes an average pooling"

    def apply(self, graph: Graph) -> int:
        """Rewrite every such reduction."""
        count = 0
        for op in live_ops(graph):
            if not _matches(graph, op):
                continue
            size = graph.tensor(op.inputs[0]).shape[2:]
            ones, zeros = (1,) * len(size), (0,) * 2 * len(size)
            pool = ops.Pool("avg", size, ones, zeros)
            result = append(graph, pool, [op.inputs[0]], op.name)
            shape = graph.tensor(op.outputs[0]).shape
            if graph.tensor(result).shape != shape:
                result = append(graph, ops.Reshape(shape), [result], f"{op.name}/reshape")
            replace_result(graph, op, result)
            count += 1
        if count:
            graph.sort()
        return count


def _matches(graph: Graph, op: Op) -> bool:
    if not isinstance(op.attrs, ops.Reduce) or op.attrs.mode != "mean":
        return False
    rank = len(graph.tensor(op.inputs[0]).shape)
    return rank == 4 and sorted(op.attrs.axes) == list(range(2, rank))
