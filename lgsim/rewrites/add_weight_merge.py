"""Rewrite `add_weight_merge`: two constants added one after the other are added offline."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op, Shape
from lgsim.graph.ops.rules import broadcast
from lgsim.rewrites.base import (
    Array,
    Rewrite,
    append,
    derived_weight,
    live_ops,
    replace_result,
    sole_consumer,
)


class AddWeightMerge(Rewrite):
    """(x + W1) + W2 → x + W: the position bias and the mask of shifted windows are one weight.

    A reshape between the two additions may add a leading dimension of size 1, as in the shifted
    windows of a single image.
    """

    name = "add_weight_merge"
    summary = "add consecutive constants (position bias, window mask) to each other offline"

    def apply(self, graph: Graph) -> int:
        """Merge every second addition of a weight into the first."""
        count = 0
        for op in live_ops(graph):
            if _merge(graph, op):
                count += 1
        if count:
            graph.sort()
        return count


def _merge(graph: Graph, second: Op) -> bool:
    operands = _constant_add(graph, second)
    if operands is None:
        return False
    value, weight = operands
    reshape = graph.producer(value)
    first = reshape
    if reshape is not None and isinstance(reshape.attrs, ops.Reshape):
        first = graph.producer(reshape.inputs[0])
    if first is None or sole_consumer(graph, value) is None:
        return False
    if sole_consumer(graph, first.outputs[0]) is None:
        return False
    inner = _constant_add(graph, first)
    if inner is None or getattr(first.attrs, "relu", False):
        return False
    shape, seen = graph.tensor(first.outputs[0]).shape, graph.tensor(value).shape
    target = _weight_shape(graph.tensor(weight).shape, shape, seen)
    if target is None:
        return False
    joint = broadcast([target, graph.tensor(inner[1]).shape])

    def add(outer: Array, inside: Array) -> Array:
        return outer.reshape(target) + inside

    merged = derived_weight(graph, f"{weight}/merged", joint, [weight, inner[1]], add)
    result = append(graph, second.attrs, [inner[0], merged], second.name)
    if seen != shape:
        result = append(graph, ops.Reshape(seen), [result], f"{second.name}/reshape")
    replace_result(graph, second, result)
    return True


def _constant_add(graph: Graph, op: Op) -> tuple[str, str] | None:
    """(value, weight) if an op adds a weight that does not enlarge the value."""
    if not isinstance(op.attrs, ops.Add):
        return None
    left, right = op.inputs
    if graph.tensor(left).weight:
        left, right = right, left
    if graph.tensor(left).weight or not graph.tensor(right).weight:
        return None
    same = graph.tensor(left).shape == graph.tensor(op.outputs[0]).shape
    return (left, right) if same else None


def _weight_shape(weight: Shape, shape: Shape, seen: Shape) -> Shape | None:
    """Shape of a weight that broadcasts to `seen`, so that it broadcasts to `shape` instead.

    Only where the reshape adds or drops leading dimensions of size 1: any other would have to
    spread the weight out, once per sample of a batch.
    """
    extra = len(seen) - len(shape)
    padded = (1,) * (len(seen) - len(weight)) + weight
    if extra >= 0 and seen == (1,) * extra + shape:
        return padded[extra:]
    return None
