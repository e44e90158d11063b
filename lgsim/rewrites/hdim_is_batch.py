"""Rewrite `hdim_is_batch`: the matmuls of attention take their operands with heads inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import (
    Rewrite,
    append,
    derived_weight,
    drop_dead,
    live_ops,
    replace_result,
    sole_consumer,
)

# Swaps heads and tokens: (B, M, H, K) <-> (B, H, M, K).
SWAP = (0, 2, 1, 3)


class HdimIsBatch(Rewrite):
    """matmul(permute(l), permute(r)) → permute(matmul(l, r, hdim_is_batch)).

    The two permutes that move the heads outwards vanish; one appears behind the matmul, which
    the other rewrites carry away. Not for F32, whose matmuls run on vectors and cannot address
    an inner batch.
    """

    name = "hdim_is_batch"
    summary = "attention matmuls read (batch, tokens, heads, dim) directly: no head permutes"
    precisions = ("f16", "bf16", "int8")

    def apply(self, graph: Graph) -> int:
        """Rewrite every matmul both of whose operands only have their heads swapped outwards."""
        return absorb_where(graph, _matches)

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """What is wrong with the other operand where one is a head swap."""
        if not is_candidate(graph, op):
            return None
        kinds = [operand_kind(graph, tensor) for tensor in op.inputs]
        if "permute" not in kinds or "plain" not in kinds:
            return None
        side = "left" if kinds[0] == "plain" else "right"
        return (
            f"the {side} operand is not a tensor whose heads are swapped outwards (permute"
            f" {SWAP}) for this matmul alone"
        )


def is_candidate(graph: Graph, op: Op) -> bool:
    """Whether an op is a plain matmul of two 4-D operands with the same two batch dimensions."""
    if not isinstance(op.attrs, ops.MatMul) or len(op.inputs) != 2:
        return False
    left, right = (graph.tensor(tensor).shape for tensor in op.inputs)
    flags = op.attrs.hdim_is_batch or op.attrs.left_transpose
    return not flags and len(left) == len(right) == 4 and left[:2] == right[:2]


def absorb_where(graph: Graph, matches: Callable[[Graph, Op], bool]) -> int:
    """Absorb the head swaps of every candidate that `matches`; returns how many there were."""
    count = 0
    for op in live_ops(graph):
        if is_candidate(graph, op) and matches(graph, op):
            absorb_heads(graph, op)
            count += 1
    if count:
        graph.sort()
    return count


def absorb_heads(graph: Graph, op: Op) -> None:
    """Give a matmul its operands with the heads inside, and permute its result instead."""
    assert isinstance(op.attrs, ops.MatMul)
    permutes = [graph.producer(tensor) for tensor in op.inputs]
    inputs = [_inner(graph, tensor, op.name) for tensor in op.inputs]
    result = append(graph, replace(op.attrs, hdim_is_batch=True), inputs, op.name)
    result = append(graph, ops.Permute(SWAP), [result], f"{op.name}/permute")
    replace_result(graph, op, result)
    for permute in permutes:
        if permute is not None:
            drop_dead(graph, permute)


def _matches(graph: Graph, op: Op) -> bool:
    kinds = {operand_kind(graph, tensor) for tensor in op.inputs}
    return "permute" in kinds and "plain" not in kinds


def operand_kind(graph: Graph, tensor: str) -> str:
    """``weight``, ``permute`` if a head swap leads here and nowhere else, otherwise ``plain``."""
    if graph.tensor(tensor).weight:
        return "weight"
    producer = graph.producer(tensor)
    alone = sole_consumer(graph, tensor) is not None
    swaps = producer is not None and producer.attrs == ops.Permute(SWAP)
    return "permute" if alone and swaps else "plain"


def _inner(graph: Graph, tensor: str, stem: str) -> str:
    """The operand with its heads inside; weights are permuted offline."""
    kind = operand_kind(graph, tensor)
    if kind == "permute":
        producer = graph.producer(tensor)
        assert producer is not None
        return producer.inputs[0]
    if kind == "plain":
        return append(graph, ops.Permute(SWAP), [tensor], f"{stem}/left")
    shape = graph.tensor(tensor).shape
    return derived_weight(
        graph,
        f"{tensor}/permuted",
        tuple(shape[axis] for axis in SWAP),
        [tensor],
        lambda value: value.transpose(SWAP),
    )
