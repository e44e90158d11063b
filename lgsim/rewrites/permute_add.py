"""Rewrite `permute_add`: a permute moves below the addition of a weight, permuted offline."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.permute_below import PermuteBelow, leaves_in_place


class PermuteAdd(PermuteBelow):
    """permute(x) + W → permute(x + W'), also for a tensor that the permute leaves in place."""

    name = "permute_add"
    summary = "move permutes below the addition of a weight, which is permuted offline"

    below = (ops.Add,)
    condition = "the other operand is neither a constant nor broadcast along the permuted axes"

    def may_pass(self, graph: Graph, permute: Op, target: Op) -> bool:
        """The other operand is a weight of no higher rank, or all its moved axes are 1."""
        assert isinstance(permute.attrs, ops.Permute)
        other = [tensor for tensor in target.inputs if tensor != permute.outputs[0]]
        if not isinstance(target.attrs, ops.Add) or len(other) != 1:
            return False
        tensor, order = graph.tensor(other[0]), permute.attrs.order
        if graph.tensor(target.outputs[0]).shape != graph.tensor(permute.outputs[0]).shape:
            return False
        return tensor.weight or leaves_in_place(tensor.shape, order)
