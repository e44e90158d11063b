"""Rewrite `unit_permute`: in front of a reshape, axes of size 1 need not move."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op, Shape
from lgsim.rewrites.base import Rewrite, append, live_ops, replace_result, sole_consumer

MOST_DIMS = 4
"""A permute gets no more dimensions by the reshape than it has or than local memory can cut."""


class UnitPermute(Rewrite):
    """reshape(permute(x)) → permute'(reshape(x)), or reshape(permute'(x)), units left in place.

    The first form is for reshapes that only add or drop axes of size 1. Exports of
    ``torch.nn.MultiheadAttention`` are full of both: with the sequence in front and the batch of 1
    behind it, their permutes look like none that an attention is known by.
    """

    name = "unit_permute"
    summary = "axes of size 1 stay where they are in permutes that are reshaped anyway"

    def apply(self, graph: Graph) -> int:
        """Rewrite every permute that only a reshape reads."""
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.Permute):
                continue
            reshape = sole_consumer(graph, op.outputs[0])
            if reshape is not None and isinstance(reshape.attrs, ops.RESHAPES):
                count += _rewrite(graph, op, reshape)
        if count:
            graph.sort()
        return count


def _rewrite(graph: Graph, permute: Op, reshape: Op) -> bool:
    assert isinstance(permute.attrs, ops.Permute)
    shape, target = graph.tensor(permute.inputs[0]).shape, graph.tensor(reshape.outputs[0]).shape
    order = permute.attrs.order
    moved = [axis for axis in order if shape[axis] > 1]
    ranks = [sorted(moved).index(axis) for axis in moved]
    if ranks == sorted(ranks):
        return False  # a reshape, which another rewrite makes of it
    only_units = _large(graph.tensor(permute.outputs[0]).shape) == _large(target)
    if only_units and len(target) <= max(len(shape), MOST_DIMS):
        before = _spread(target, [shape[axis] for axis in sorted(moved)])
        x = append(graph, ops.Reshape(before), [permute.inputs[0]], reshape.name)
        x = append(graph, ops.Permute(_units_fixed(target, ranks)), [x], permute.name)
        replace_result(graph, reshape, x)
        return True
    fixed = _units_fixed(shape, ranks)
    if fixed == order:
        return False
    x = append(graph, ops.Permute(fixed), [permute.inputs[0]], permute.name)
    replace_result(graph, reshape, append(graph, ops.Reshape(target), [x], reshape.name))
    return True


def _large(shape: Shape) -> list[int]:
    return [size for size in shape if size > 1]


def _spread(shape: Shape, sizes: list[int]) -> Shape:
    """Other sizes, in their order, where a shape is larger than 1."""
    rest = iter(sizes)
    return tuple(next(rest) if size > 1 else 1 for size in shape)


def _units_fixed(shape: Shape, ranks: list[int]) -> Shape:
    """The order that permutes the axes larger than 1 among themselves: the i-th from ranks[i]."""
    large = [axis for axis, size in enumerate(shape) if size > 1]
    order = list(range(len(shape)))
    for axis, rank in zip(large, ranks, strict=True):
        order[axis] = large[rank]
    return tuple(order)
