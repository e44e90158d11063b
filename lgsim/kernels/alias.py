"""Which ops of a graph move nothing because their result lies where an operand already is.

Reshapes and contiguous slices are views of their operand. A concatenation is written in place by
the ops that make its operands, if its operands are contiguous in it. The vendor leaves the
concatenation to moves if an operand is a constant, a graph input or itself a view, or if one op
reads one operand and writes another one: it never lets an op read and write the same tensor
(derived from the bytes moved in the ungrouped networks of reference/cycle_sim.csv, all reproduced).
"""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.core import Graph, Op
from lgsim.graph.ops import Concat, Permute, Reshape, Slice, Squeeze, Unsqueeze
from lgsim.kernels.movement.movement import slice_offset


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a tensor lies: `offset_bytes` into the tensor `root`, which is placed by itself."""

    root: str
    offset_bytes: int = 0


def view_offset(graph: Graph, op: Op) -> int | None:
    """Offset in bytes of the result in the operand, if the op is a view, else None."""
    x = graph.tensor(op.inputs[0]) if op.inputs else None
    if x is None:
        return None
    if isinstance(op.attrs, Reshape | Squeeze | Unsqueeze):
        return 0
    if isinstance(op.attrs, Permute):
        return None if op.attrs.moves_data(x.shape) else 0
    if isinstance(op.attrs, Slice):
        offset = slice_offset(op.attrs, x.shape)
        return None if offset is None else x.dtype.nbytes(offset)
    return None


def in_place_concat(graph: Graph, op: Op) -> bool:
    """Whether the operands of a concatenation are written directly into its result."""
    if not isinstance(op.attrs, Concat) or len(set(op.inputs)) < len(op.inputs):
        return False
    shape = graph.tensor(op.outputs[0]).shape
    if any(size != 1 for size in shape[: op.attrs.axis]):
        return False
    producers = [graph.producer(name) for name in op.inputs]
    for name, producer in zip(op.inputs, producers, strict=True):
        if producer is None or name in graph.outputs or _is_free(graph, producer):
            return False
        if any(operand in op.inputs for operand in producer.inputs):
            return False
        if any(isinstance(user.attrs, Concat) and user is not op for user in graph.consumers(name)):
            return False
    return True


def _is_free(graph: Graph, op: Op) -> bool:
    return view_offset(graph, op) is not None or isinstance(op.attrs, Concat)


def free_ops(graph: Graph) -> frozenset[str]:
    """Names of the ops without commands."""
    return frozenset(
        op.name for op in graph if view_offset(graph, op) is not None or in_place_concat(graph, op)
    )


def placements(graph: Graph) -> dict[str, Placement]:
    """For every tensor that lies in another one: where; views of views are resolved."""
    found: dict[str, Placement] = {}
    for op in reversed(graph.ops):
        if in_place_concat(graph, op):
            offset = 0
            for name in op.inputs:
                found[name] = _within(found, op.outputs[0], offset)
                offset += graph.tensor(name).nbytes
    for op in graph:
        shift = view_offset(graph, op)
        if shift is not None:
            found[op.outputs[0]] = _within(found, op.inputs[0], shift)
    return found


def _within(found: dict[str, Placement], name: str, offset_bytes: int) -> Placement:
    inner = found.get(name, Placement(name))
    return Placement(inner.root, inner.offset_bytes + offset_bytes)
