"""Rewrite `mlp_split`: the hidden dimension of an MLP is cut in two halves that are added."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import (
    Array,
    Rewrite,
    append,
    derived_weight,
    is_weight,
    live_ops,
    replace_result,
    sole_consumer,
)


class MlpSplit(Rewrite):
    """matmul → activation → matmul on (1, tokens, C) → the same twice on half the hidden units.

    Each half needs half the local memory, so that the whole MLP fits one group. With a batch the
    group is cut along the batch instead. The operand has to be read by this MLP alone: if it is
    needed behind the MLP as well, it stays in local memory anyway.
    """

    name = "mlp_split"
    summary = "cut the hidden dimension of a half-precision MLP in two, so that it fits one group"
    precisions = ("f16", "bf16")

    def apply(self, graph: Graph) -> int:
        """Split every MLP of one sample whose hidden size is even and larger than its width."""
        count = 0
        for op in live_ops(graph):
            chain = _match(graph, op)
            if not isinstance(chain, tuple):
                continue
            _rewrite(graph, *chain)
            count += 1
        if count:
            graph.sort()
        return count

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """Why an MLP is left whole."""
        found = _match(graph, op)
        return found if isinstance(found, str) else None


def _match(graph: Graph, first: Op) -> tuple[Op, Op, Op] | str | None:
    """The three ops of an MLP, or the condition that fails if it is one."""
    if not _is_linear(graph, first):
        return None
    active = _sole_reader(graph, first)
    second = _sole_reader(graph, active)
    if active is None or second is None or not isinstance(active.attrs, ops.Active):
        return None
    if not _is_linear(graph, second):
        return None
    if second.inputs[0] != active.outputs[0]:
        return None
    if sole_consumer(graph, first.inputs[0]) is None:
        readers = graph.consumers(first.inputs[0])
        if all(_is_linear(graph, reader) for reader in readers):
            return None  # one of the halves
        return "its operand is also read by other ops, so it stays in local memory anyway"
    shape = graph.tensor(first.inputs[0]).shape
    hidden = graph.tensor(first.inputs[1]).shape[1]
    norm = graph.producer(first.inputs[0])
    normalised = norm is not None and isinstance(norm.attrs, ops.LayerNorm)
    if len(shape) != 3 or shape[0] != 1:
        return "there is a batch, along which the group is cut instead"
    if hidden <= shape[-1] or hidden % 2:
        return "its hidden size is odd or not larger than its width"
    return (first, active, second) if normalised else "no LayerNorm feeds it"


def _sole_reader(graph: Graph, op: Op | None) -> Op | None:
    return None if op is None else sole_consumer(graph, op.outputs[0])


def _is_linear(graph: Graph, op: Op) -> bool:
    """Whether an op is a matmul with a weight (K, N) and a bias."""
    if not isinstance(op.attrs, ops.MatMul) or op.attrs != ops.MatMul() or len(op.inputs) != 3:
        return False
    weights = all(is_weight(graph, tensor) for tensor in op.inputs[1:])
    return weights and len(graph.tensor(op.inputs[1]).shape) == 2


def _rewrite(graph: Graph, first: Op, active: Op, second: Op) -> None:
    results = []
    for half in range(2):
        inputs = [first.inputs[0]]
        inputs += [_half(graph, tensor, -1, half) for tensor in first.inputs[1:]]
        x = append(graph, first.attrs, inputs, f"{first.name}/{half}")
        x = append(graph, active.attrs, [x], f"{active.name}/{half}")
        weights = [_half(graph, second.inputs[1], 0, half)]
        if half == 0:
            weights.append(second.inputs[2])
        results.append(append(graph, second.attrs, [x, *weights], f"{second.name}/{half}"))
    replace_result(graph, second, append(graph, ops.Add(), results, second.name))


def _half(graph: Graph, tensor: str, axis: int, half: int) -> str:
    """The first or second half of a weight along an axis."""
    shape = list(graph.tensor(tensor).shape)
    size = shape[axis] // 2
    shape[axis] = size

    def cut(value: Array) -> Array:
        return value.take(range(half * size, (half + 1) * size), axis=axis)

    return derived_weight(graph, f"{tensor}/{half}", tuple(shape), [tensor], cut)
