"""Which operands of a concatenation cannot share its scale, told from the structure alone."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.lowering.rules import MOVING


def rescaled_operands(graph: Graph, concat: Op) -> frozenset[int]:
    """Operands of a concatenation that are rescaled because their scale is needed elsewhere.

    A tensor that only the concatenation reads takes its scale at no cost. One that others read
    as well keeps its own, which then becomes the scale of the concatenation, so that the other
    operands are rescaled: with calibration data it is the one with the largest range; without,
    the first that is read directly is taken. Operands that come from one tensor through ops
    which keep the scale (pooling, upsampling, layout) have one scale anyway.

    Parameters
    ----------
    graph : Graph
        The graph before lowering.
    concat : Op
        One of its concatenations.

    Returns
    -------
    frozenset of int
        Positions of the operands.
    """
    roots = [_scale_root(graph, tensor) for tensor in concat.inputs]
    if len(set(roots)) == 1:
        return frozenset()
    bound = [index for index, root in enumerate(roots) if not _is_free(graph, root, concat)]
    if not bound:
        return frozenset()
    direct = [index for index in bound if roots[index] == concat.inputs[index]]
    keeper = roots[(direct or bound)[0]]
    return frozenset(index for index, root in enumerate(roots) if root != keeper)


def _keeps_scale(op: Op) -> bool:
    if isinstance(op.attrs, ops.Pool):
        return op.attrs.mode == "max"
    return isinstance(op.attrs, (*MOVING, ops.Relu))


def _scale_root(graph: Graph, tensor: str) -> str:
    """The tensor whose scale this one has."""
    producer = graph.producer(tensor)
    while producer is not None and _keeps_scale(producer):
        tensor = producer.inputs[0]
        producer = graph.producer(tensor)
    return tensor


def _is_free(graph: Graph, root: str, concat: Op) -> bool:
    """Whether everything computed from a tensor at its scale ends in this concatenation."""
    if root in graph.outputs or graph.producer(root) is None:
        return False
    readers = graph.consumers(root)
    return all(
        reader.name == concat.name
        or (_keeps_scale(reader) and _is_free(graph, reader.outputs[0], concat))
        for reader in readers
    )
