"""What the rewrites that move a permute below another op have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op, Shape
from lgsim.rewrites.base import (
    Rewrite,
    append,
    derived_weight,
    drop_dead,
    live_ops,
    replace_result,
    sole_consumer,
)


class PermuteBelow(Rewrite):
    """f(permute(x)) → permute(f(x)), so that permutes meet those that cancel or absorb them.

    Attributes
    ----------
    below : tuple of type
        Kinds of f.
    condition : str
        What a place where a permute is read by such an op lacks if the permute may not pass.
    """

    below: ClassVar[tuple[type[ops.OpKind], ...]]
    condition: ClassVar[str]

    def apply(self, graph: Graph) -> int:
        """Move every permute one op down where that op allows it."""
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.Permute):
                continue
            target = sole_consumer(graph, op.outputs[0])
            if target is not None and self.may_pass(graph, op, target):
                _swap(graph, op, target)
                count += 1
        if count:
            graph.sort()
        return count

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """Why a permute stays above an op of the right kind."""
        if not isinstance(op.attrs, ops.Permute) or not op.attrs.moves_data(
            graph.tensor(op.inputs[0]).shape
        ):
            return None
        readers = graph.consumers(op.outputs[0])
        if not any(isinstance(reader.attrs, self.below) for reader in readers):
            return None
        return self.condition if len(readers) == 1 else "the permuted tensor has several readers"

    @abstractmethod
    def may_pass(self, graph: Graph, permute: Op, target: Op) -> bool:
        """Whether the permute may move below the only op that reads it."""


def _swap(graph: Graph, permute: Op, target: Op) -> None:
    assert isinstance(permute.attrs, ops.Permute)
    order = permute.attrs.order
    attrs = target.attrs
    if isinstance(attrs, ops.Softmax):
        attrs = ops.Softmax(order[attrs.axis], attrs.log)
    inputs = []
    for tensor in target.inputs:
        if tensor == permute.outputs[0]:
            inputs.append(permute.inputs[0])
        else:
            inputs.append(_unpermuted(graph, tensor, order))
    result = append(graph, attrs, inputs, target.name)
    result = append(graph, ops.Permute(order), [result], permute.name)
    replace_result(graph, target, result)
    drop_dead(graph, permute)


def leaves_in_place(shape: Shape, order: tuple[int, ...]) -> bool:
    """Whether a tensor broadcasts the same before and after a permute: all moved axes are 1."""
    padded = (1,) * (len(order) - len(shape)) + shape
    return all(padded[axis] == 1 for axis, source in enumerate(order) if axis != source)


def _unpermuted(graph: Graph, tensor: str, order: tuple[int, ...]) -> str:
    """The other operand as it has to be in front of the permute; weights are permuted offline."""
    shape = graph.tensor(tensor).shape
    if leaves_in_place(shape, order):
        return tensor
    padded = (1,) * (len(order) - len(shape)) + shape
    inverse = tuple(order.index(axis) for axis in range(len(order)))
    return derived_weight(
        graph,
        f"{tensor}/permuted",
        tuple(padded[axis] for axis in inverse),
        [tensor],
        lambda value: value.reshape(padded).transpose(inverse),
    )
