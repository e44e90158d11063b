"""Rewrite `permute_cancel`: a permute and its inverse vanish."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph
from lgsim.rewrites.base import Rewrite, bypass, drop_dead, live_ops, may_bypass
from lgsim.rewrites.permute_fuse import composed


class PermuteCancel(Rewrite):
    """permute(permute(x)) → x where the second undoes the first."""

    name = "permute_cancel"
    summary = "drop pairs of permutes that undo each other, and permutes that change nothing"

    def apply(self, graph: Graph) -> int:
        """Drop every such pair, unless nothing but an input would be left of an output."""
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.Permute):
                continue
            found = composed(graph, op)
            order = op.attrs.order if found is None else found[1]
            source = op.inputs[0] if found is None else found[0].inputs[0]
            if list(order) != sorted(order) or not may_bypass(graph, op, source):
                continue
            if found is not None:
                op = graph.replace_op(op.name, ops.Permute(order), [found[0].inputs[0]])
                drop_dead(graph, found[0])
            bypass(graph, op)
            count += 1
        return count
