"""Rewrite `shuffle_channel`: reshape, permute, reshape between groups of channels is one op."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, append, live_ops, replace_result, sole_consumer


class ShuffleChannel(Rewrite):
    """(N, C, …) → (N, g, C/g, …) → (N, C/g, g, …) → (N, C, …) becomes shuffle_channel(g)."""

    name = "shuffle_channel"
    summary = "the reshape, permute and reshape of a channel shuffle become one data movement"

    def apply(self, graph: Graph) -> int:
        """Replace every such chain that nobody reads in between."""
        count = 0
        for op in live_ops(graph):
            found = _shuffle(graph, op)
            if found is None:
                continue
            source, group = found
            shuffled = append(graph, ops.ShuffleChannel(group), [source], op.name)
            replace_result(graph, op, shuffled)
            count += 1
        if count:
            graph.sort()
        return count


def _shuffle(graph: Graph, last: Op) -> tuple[str, int] | None:
    """(source, groups) if an op is the last reshape of a channel shuffle."""
    if not isinstance(last.attrs, ops.Reshape) or sole_consumer(graph, last.inputs[0]) is None:
        return None
    permute = graph.producer(last.inputs[0])
    if permute is None or not isinstance(permute.attrs, ops.Permute):
        return None
    first = graph.producer(permute.inputs[0])
    if first is None or not isinstance(first.attrs, ops.Reshape):
        return None
    if sole_consumer(graph, permute.inputs[0]) is None:
        return None
    shape, split = graph.tensor(first.inputs[0]).shape, first.attrs.shape
    if len(split) < 4 or permute.attrs.order != (0, 2, 1, *range(3, len(split))):
        return None
    same = shape == last.attrs.shape and (shape[0], *shape[2:]) == (split[0], *split[3:])
    return (first.inputs[0], split[1]) if same else None
