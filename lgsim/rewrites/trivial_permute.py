"""Rewrite `trivial_permute`: a permute that moves no element is a reshape."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph
from lgsim.rewrites.base import Rewrite, live_ops


class TrivialPermute(Rewrite):
    """permute(x) → reshape(x) where only axes of size 1 change places."""

    name = "trivial_permute"
    summary = "permutes that only move axes of size 1 are reshapes, which cost nothing"

    def apply(self, graph: Graph) -> int:
        """Replace every such permute."""
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.Permute):
                continue
            if not op.attrs.moves_data(graph.tensor(op.inputs[0]).shape):
                graph.replace_op(op.name, ops.Reshape(graph.tensor(op.outputs[0]).shape))
                count += 1
        return count
