"""Rewrite `matmul_transpose`: a permute that transposes a right operand becomes a flag."""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, append, drop_dead, live_ops


class MatmulTranspose(Rewrite):
    """matmul(x, permute(y)) → matmul(x, y', right_transpose) where only rows and columns swap.

    What the permute does to other axes stays a permute; it no longer touches the last axis,
    which is cheaper to move and may be absorbed as `hdim_is_batch`. Left operands stay as they
    are: the matrix unit reads them row by row.
    """

    name = "matmul_transpose"
    summary = "absorb a transposed right operand into the matmul's transpose flag"

    def apply(self, graph: Graph) -> int:
        """Absorb every permute of a right operand that moves the last axis to the last but one."""
        count = 0
        for op in live_ops(graph):
            permute = _transposing(graph, op)
            if permute is None:
                continue
            assert isinstance(op.attrs, ops.MatMul)
            assert isinstance(permute.attrs, ops.Permute)
            *lead, row, column = permute.attrs.order
            order = (*lead, column, row)
            right = permute.inputs[0]
            if list(order) != sorted(order):
                right = append(graph, ops.Permute(order), [right], permute.name)
            attrs = replace(op.attrs, right_transpose=not op.attrs.right_transpose)
            graph.replace_op(op.name, attrs, [op.inputs[0], right, *op.inputs[2:]])
            drop_dead(graph, permute)
            count += 1
        if count:
            graph.sort()
        return count


def _transposing(graph: Graph, op: Op) -> Op | None:
    if not isinstance(op.attrs, ops.MatMul) or op.attrs.hdim_is_batch:
        return None
    permute = graph.producer(op.inputs[1])
    if permute is None or not isinstance(permute.attrs, ops.Permute):
        return None
    order = permute.attrs.order
    return permute if len(order) > 1 and order[-2] == len(order) - 1 else None
