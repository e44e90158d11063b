"""Rewrite `permute_softmax`: a permute moves below a softmax, towards the matmul behind it."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import sole_consumer
from lgsim.rewrites.permute_below import PermuteBelow


class PermuteSoftmax(PermuteBelow):
    """softmax(permute(x)) → permute(softmax(x)) where the permute can then be absorbed.

    The softmax must keep the innermost axis, along which reductions are cheapest.
    """

    name = "permute_softmax"
    summary = "move permutes below a softmax over the last axis, to the matmul that absorbs them"

    below = (ops.Softmax,)
    condition = "the softmax or the permute moves the last axis, or no matmul or permute follows"

    def may_pass(self, graph: Graph, permute: Op, target: Op) -> bool:
        """A matmul or a permute follows, and the softmax runs along the last axis all the way."""
        assert isinstance(permute.attrs, ops.Permute)
        if not isinstance(target.attrs, ops.Softmax):
            return False
        last = len(permute.attrs.order) - 1
        if target.attrs.axis != last or permute.attrs.order[last] != last:
            return False
        reader = sole_consumer(graph, target.outputs[0])
        return reader is not None and isinstance(reader.attrs, ops.Permute | ops.MatMul)
