"""Rewrite `window_roll`: two slices put together the other way round are a roll."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, append, live_ops, replace_result
from lgsim.rewrites.slices import part_of


class WindowRoll(Rewrite):
    """concat(x[k:], x[:k]) → swap_dim_inner(x, k): one copy instead of three."""

    name = "window_roll"
    summary = "concat(x[k:], x[:k]), the shift of shifted windows, becomes one data movement"

    def apply(self, graph: Graph) -> int:
        """Replace every such concatenation."""
        count = 0
        for op in live_ops(graph):
            offset = _roll_offset(graph, op)
            if not isinstance(offset, tuple):
                continue
            source, axis, start = offset
            rank = len(graph.tensor(source).shape)
            attrs = ops.SwapDimInner(tuple(start if i == axis else 0 for i in range(rank)))
            replace_result(graph, op, append(graph, attrs, [source], op.name))
            count += 1
        if count:
            graph.sort()
        return count

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """Which two slices of one tensor are put together, but do not roll it."""
        found = _roll_offset(graph, op)
        return found if isinstance(found, str) else None


def _roll_offset(graph: Graph, op: Op) -> tuple[str, int, int] | str | None:
    """(source, axis, offset) if a concatenation rolls its source, or the condition that fails."""
    if not isinstance(op.attrs, ops.Concat) or len(op.inputs) != 2:
        return None
    tail, head = part_of(graph, op.inputs[0]), part_of(graph, op.inputs[1])
    if tail is None or head is None or tail.source != head.source:
        return None
    shape, axis = graph.tensor(tail.source).shape, op.attrs.axis
    start = tail.starts[axis]
    full = [(0, size, 1) for size in shape]
    wanted_tail, wanted_head = list(full), list(full)
    wanted_tail[axis], wanted_head[axis] = (start, shape[axis], 1), (0, start, 1)
    bounds = [list(zip(part.starts, part.ends, part.steps, strict=True)) for part in (tail, head)]
    if bounds != [wanted_tail, wanted_head]:
        return "the two slices are not the end and then the beginning of the tensor"
    return tail.source, axis, start
