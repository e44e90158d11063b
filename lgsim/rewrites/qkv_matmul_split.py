"""Rewrite `qkv_matmul_split`: a projection that is sliced at once becomes one matmul per slice."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op, Shape
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
from lgsim.rewrites.slices import single_index


@dataclass(frozen=True, slots=True)
class _Match:
    """matmul → reshape → n × (slice of one index of `axis`, squeeze)."""

    matmul: Op
    columns: Shape  # what the reshape makes of the columns
    axis: int  # of the columns
    branches: tuple[tuple[int, Op], ...]  # index, squeeze


class QkvMatmulSplit(Rewrite):
    """matmul → reshape → slices → matmuls with the columns of each slice, and reshapes.

    The slices disappear, since the weight is cut offline.
    """

    name = "qkv_matmul_split"
    summary = "split the qkv matmul in three: its weight is sliced offline instead of its result"

    def apply(self, graph: Graph) -> int:
        """Split every matmul with a weight whose reshaped result is only read by slices."""
        count = 0
        for op in live_ops(graph):
            match = _match(graph, op)
            if not isinstance(match, _Match):
                continue
            _rewrite(graph, match)
            count += 1
        if count:
            graph.sort()
        return count

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """What keeps a sliced projection from becoming one matmul per slice."""
        found = _match(graph, op)
        return found if isinstance(found, str) else None


def _match(graph: Graph, matmul: Op) -> _Match | str | None:
    """The match at a matmul, or the condition that fails if its reshaped result is sliced."""
    if not isinstance(matmul.attrs, ops.MatMul) or not _plain(graph, matmul):
        return None
    reshape = sole_consumer(graph, matmul.outputs[0])
    if reshape is None or not isinstance(reshape.attrs, ops.Reshape):
        return None
    if reshape.outputs[0] in graph.outputs:
        return None
    readers = graph.consumers(reshape.outputs[0])
    if not any(single_index(graph, reader) for reader in readers):
        return None
    rows, target = graph.tensor(matmul.outputs[0]).shape[:-1], reshape.attrs.shape
    branches, axes = [], set()
    for reader in readers:
        found = single_index(graph, reader)
        squeeze = sole_consumer(graph, reader.outputs[0])
        if found is None or squeeze is None:
            return "not every reader is a slice of one index that is then squeezed away"
        if not isinstance(squeeze.attrs, ops.Squeeze | ops.Reshape):
            return "not every reader is a slice of one index that is then squeezed away"
        axes.add(found[0])
        branches.append((found[1], squeeze))
    lead = next((n for n in range(len(target)) if prod(target[:n]) == prod(rows)), None)
    if len(axes) != 1 or lead is None:
        return "the slices cut different axes, or the reshape mixes rows and columns"
    axis = axes.pop()
    if axis < lead or sorted(i for i, _ in branches) != list(range(target[axis])):
        return "there is not exactly one slice per index of an axis of the columns"
    parts = tuple(sorted(branches, key=lambda branch: branch[0]))
    return _Match(matmul, target[lead:], axis - lead, parts)


def _plain(graph: Graph, matmul: Op) -> bool:
    """Whether the right operand is a weight (K, N), and the bias, if any, a weight too."""
    assert isinstance(matmul.attrs, ops.MatMul)
    right = graph.tensor(matmul.inputs[1])
    flags = matmul.attrs.right_transpose or matmul.attrs.hdim_is_batch
    weights = all(is_weight(graph, tensor) for tensor in matmul.inputs[1:])
    return weights and len(right.shape) == 2 and not flags


def _rewrite(graph: Graph, match: _Match) -> None:
    for index, squeeze in match.branches:
        inputs = [match.matmul.inputs[0]]
        for tensor in match.matmul.inputs[1:]:
            lead = graph.tensor(tensor).shape[:-1]
            inputs.append(_columns(graph, tensor, lead, match, index))
        part = append(graph, match.matmul.attrs, inputs, f"{match.matmul.name}/{index}")
        shape = graph.tensor(squeeze.outputs[0]).shape
        replace_result(graph, squeeze, append(graph, ops.Reshape(shape), [part], squeeze.name))


def _columns(graph: Graph, tensor: str, lead: Shape, match: _Match, index: int) -> str:
    """The columns of a weight (…, N) that stand at `index` of an axis of N."""

    def cut(value: Array) -> Array:
        seen = value.reshape(*lead, *match.columns)
        part: Array = seen.take(index, axis=len(lead) + match.axis)
        return part.reshape(*lead, -1)

    total = graph.tensor(tensor).shape[-1]
    shape = (*lead, total // match.columns[match.axis])
    return derived_weight(graph, f"{tensor}/{index}", shape, [tensor], cut)
