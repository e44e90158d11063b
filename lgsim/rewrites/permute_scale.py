"""Rewrite `permute_scale`: a permute moves below an operation with a constant number."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.permute_below import PermuteBelow


class PermuteScale(PermuteBelow):
    """permute(x) · c → permute(x · c), and likewise for sums with a number."""

    name = "permute_scale"
    summary = "move permutes below multiplications and additions of a number"

    below = (ops.MulConst, ops.AddConst, ops.SubConst)
    condition = "the result is read in several places"

    def may_pass(self, graph: Graph, permute: Op, target: Op) -> bool:
        """Nothing depends on the order of the elements."""
        return isinstance(target.attrs, ops.MulConst | ops.AddConst | ops.SubConst)
