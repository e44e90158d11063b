"""Rewrite `permute_fuse`: two permutes in a row are one."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, drop_dead, live_ops
from lgsim.rewrites.permute_split import two_moves


class PermuteFuse(Rewrite):
    """permute(permute(x)) → one permute, unless the two cancel (`permute_cancel`).

    Two that would have to be taken apart again (`permute_split`) stay two.
    """

    name = "permute_fuse"
    summary = "compose consecutive permutes into one"

    def apply(self, graph: Graph) -> int:
        """Compose from the inputs on, so that chains collapse in one sweep."""
        count = 0
        for op in live_ops(graph):
            found = composed(graph, op)
            if found is None:
                continue
            producer, order = found
            shape = graph.tensor(producer.inputs[0]).shape
            if list(order) != sorted(order) and two_moves(shape, order) is None:
                graph.replace_op(op.name, ops.Permute(order), [producer.inputs[0]])
                drop_dead(graph, producer)
                count += 1
        return count


def composed(graph: Graph, op: Op) -> tuple[Op, tuple[int, ...]] | None:
    """The permute in front of a permute, and the order of both together."""
    if not isinstance(op.attrs, ops.Permute):
        return None
    producer = graph.producer(op.inputs[0])
    if producer is None or not isinstance(producer.attrs, ops.Permute):
        return None
    inner = producer.attrs.order
    return producer, tuple(inner[axis] for axis in op.attrs.order)
