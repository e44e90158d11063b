"""Rewrite `rows_in_lanes`: rows of a sequence lie across the lanes, not one after the other."""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op, Shape
from lgsim.rewrites.base import (
    Rewrite,
    append,
    derived_weight,
    is_weight,
    live_ops,
    replace_result,
    sole_consumer,
)

_ON_ELEMENTS = (
    ops.Binary,
    ops.BinaryConst,
    ops.Active,
    ops.Relu,
    ops.LeakyRelu,
    ops.Clip,
)
_ON_ROWS = (ops.LayerNorm, ops.RMSNorm)


class RowsInLanes(Rewrite):
    """f(x) → reshape(f(reshape(x))) for f that treats every row of x (rows, 1, k) alike.

    Local memory spreads the second of three dimensions over its lanes. Where the sequence comes
    first and a batch of 1 second (``torch.nn.MultiheadAttention``, DETR), a single lane would work.
    A tensor (rows, k) that is reshaped to three dimensions behind f is seen so before. The reshapes
    of neighbours cancel. Inferred: no record holds such a network.
    """

    name = "rows_in_lanes"
    summary = "a sequence (rows, 1, k) is seen as (1, rows, k), so that its rows lie across lanes"

    def apply(self, graph: Graph) -> int:
        """Rewrite every op whose result has such a shape."""
        count = 0
        for op in live_ops(graph):
            lead = _lead(graph, op)
            if lead is not None and _treats_rows_alike(graph, op, lead):
                _rewrite(graph, op, lead)
                count += 1
        if count:
            graph.sort()
        return count


def _lead(graph: Graph, op: Op) -> Shape | None:
    """What the dimensions before the last should be; None if they may stay."""
    shape = graph.tensor(op.outputs[0]).shape
    if len(shape) == 3 and shape[0] > 1 and shape[1] == 1:
        return 1, shape[0]
    reader = sole_consumer(graph, op.outputs[0])
    if len(shape) != 2 or shape[0] == 1 or reader is None:
        return None
    if not isinstance(reader.attrs, ops.RESHAPES):
        return None
    seen = graph.tensor(reader.outputs[0]).shape
    if len(seen) != 3 or seen[-1] != shape[-1]:
        return None
    return (1, shape[0]) if seen[1] == 1 else seen[:-1]


def _treats_rows_alike(graph: Graph, op: Op, lead: Shape) -> bool:
    """Whether every row of the result comes from the same row of the operands."""
    attrs, shape = op.attrs, graph.tensor(op.outputs[0]).shape
    if isinstance(attrs, ops.MatMul):
        left, right = (graph.tensor(tensor).shape for tensor in op.inputs[:2])
        weights = all(is_weight(graph, tensor) for tensor in op.inputs[1:])
        plain = not attrs.hdim_is_batch and left[:-1] == shape[:-1]
        return weights and plain and len(right) == 2
    if isinstance(attrs, _ON_ROWS):
        return attrs.axis == len(shape) - 1
    if isinstance(attrs, ops.Slice):
        same = graph.tensor(op.inputs[0]).shape[:-1] == shape[:-1]
        return same and _meets(graph, op, lead)
    if not isinstance(attrs, _ON_ELEMENTS) or not _meets(graph, op, lead):
        return False
    return all(_rows(graph.tensor(t).shape, shape) in (shape[:-1], None) for t in op.inputs)


def _meets(graph: Graph, op: Op, lead: Shape) -> bool:
    """Whether a reshape before or behind an op cancels then; alone it gains nothing."""
    producers = [graph.producer(tensor) for tensor in op.inputs]
    near = [p.inputs[0] for p in producers if p is not None and isinstance(p.attrs, ops.RESHAPES)]
    reader = sole_consumer(graph, op.outputs[0])
    if reader is not None and isinstance(reader.attrs, ops.RESHAPES):
        near.append(reader.outputs[0])
    return any(graph.tensor(tensor).shape[:-1] == lead for tensor in near)


def _rows(shape: Shape, result: Shape) -> Shape | None:
    """Dimensions of an operand before the last; None if they are all 1 or not there."""
    lead = shape[:-1]
    return (1,) * (len(result) - len(shape)) + lead if max(lead, default=1) > 1 else None


def _rewrite(graph: Graph, op: Op, lead: Shape) -> None:
    shape = graph.tensor(op.outputs[0]).shape
    attrs, data = op.attrs, len(op.inputs)
    if isinstance(attrs, (ops.MatMul, *_ON_ROWS)):
        data = 1
    if isinstance(attrs, _ON_ROWS):
        attrs = replace(attrs, axis=len(lead))
    elif isinstance(attrs, ops.Slice):
        attrs = ops.Slice(
            (0,) * len(lead) + attrs.starts[-1:],
            lead + attrs.ends[-1:],
            (1,) * len(lead) + attrs.steps[-1:],
        )
    inputs = [_seen(graph, tensor, shape, lead) for tensor in op.inputs[:data]]
    x = append(graph, attrs, [*inputs, *op.inputs[data:]], op.name)
    replace_result(graph, op, append(graph, ops.Reshape(shape), [x], f"{op.name}/rows"))


def _seen(graph: Graph, tensor: str, result: Shape, lead: Shape) -> str:
    """An operand with other dimensions before the last; weights are reshaped offline."""
    shape = graph.tensor(tensor).shape
    if _rows(shape, result) is None:
        return tensor
    target = (*lead, shape[-1])
    if is_weight(graph, tensor):
        name = f"{tensor}/rows"
        return derived_weight(graph, name, target, [tensor], lambda value: value.reshape(target))
    return append(graph, ops.Reshape(target), [tensor], f"{tensor}/rows")
