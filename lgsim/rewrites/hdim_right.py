"""Rewrite `hdim_right`: heads inside also where only the right operand is permuted."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, sole_consumer
from lgsim.rewrites.hdim_is_batch import SWAP, absorb_where, operand_kind


class HdimRight(Rewrite):
    """permute(matmul(l, permute(r))) → matmul(permute(l), r, hdim_is_batch): one permute less.

    The left operand gets a permute, and the one behind the matmul cancels. It happens where
    something (a mask per sample) keeps a permute from moving through the softmax.
    """

    name = "hdim_right"
    summary = "attention times values with heads inside, at the price of permuting the attention"
    precisions = ("f16", "bf16", "int8")

    def apply(self, graph: Graph) -> int:
        """Rewrite every such matmul whose result is only read by the permute that cancels."""
        return absorb_where(graph, _matches)


def _matches(graph: Graph, op: Op) -> bool:
    kinds = [operand_kind(graph, tensor) for tensor in op.inputs]
    reader = sole_consumer(graph, op.outputs[0])
    cancels = reader is not None and reader.attrs == ops.Permute(SWAP)
    return kinds == ["plain", "permute"] and cancels
