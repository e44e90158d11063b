"""Rewrite `permute_split`: a permute of five dimensions becomes two that are one move each."""

from __future__ import annotations

from itertools import permutations
from math import prod

from lgsim.graph import ops
from lgsim.graph.core import Graph, Shape
from lgsim.graph.ops.layout import merge_permutation
from lgsim.rewrites.base import Rewrite, live_ops

MOST_DIMS = 4
"""Dimensions of one strided move in global memory (docs/chip.md §5)."""


class PermuteSplit(Rewrite):
    """permute(x) → permute(permute(x)), where both keep the last dimension and merge to four.

    A move has four strides; with more dimensions to permute, the elements would go through local
    memory once for every dimension that leaves its place. (64, 49, 3, 3, 32) by [2, 0, 3, 1, 4],
    the queries, keys and values of an attention, is [0, 2, 3, 1, 4] and then [1, 0, 2, 3, 4].
    Inferred: no record holds such a permute of a tensor of five dimensions; those of six, which
    are not split here, do go through local memory even where two moves would be enough.
    """

    name = "permute_split"
    summary = "make two strided moves of a permute of five dimensions"

    def apply(self, graph: Graph) -> int:
        """Split every permute that no single move can do and two moves can."""
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.Permute):
                continue
            orders = two_moves(graph.tensor(op.inputs[0]).shape, op.attrs.order)
            if orders is None:
                continue
            first = graph.unique_name(f"{op.name}_split")
            graph.add_op(ops.Permute(orders[0]), op.inputs, [first], before=op.name)
            graph.replace_op(op.name, ops.Permute(orders[1]), [first])
            count += 1
        return count


def two_moves(shape: Shape, order: Shape) -> tuple[Shape, Shape] | None:
    """Orders of two moves that do a permute no single one can, those with the longest rows."""
    if len(shape) != MOST_DIMS + 1 or order[-1] != MOST_DIMS:
        return None
    if len(merge_permutation(shape, order)[0]) <= MOST_DIMS:
        return None
    best: tuple[int, Shape, Shape] | None = None
    for start in permutations(range(MOST_DIMS)):
        first = (*start, MOST_DIMS)
        second = tuple(first.index(axis) for axis in order)
        one, two = _rows(shape, first), _rows(tuple(shape[axis] for axis in first), second)
        if one is not None and two is not None:
            found = one + two, first, second
            best = min(best, found) if best else found
    return best[1:] if best else None


def _rows(shape: Shape, order: Shape) -> int | None:
    """Rows that one move has to copy; None if it takes more dimensions than a move has."""
    sizes, _ = merge_permutation(shape, order)
    return prod(sizes[:-1]) if len(sizes) <= MOST_DIMS else None
