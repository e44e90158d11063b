"""Rewrite `qkv_split`: cut q, k and v out of a projection before it is permuted, not after."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, append, live_ops, replace_result, sole_consumer
from lgsim.rewrites.slices import single_index

_RESHAPES = (ops.Squeeze, ops.Reshape)


@dataclass(frozen=True, slots=True)
class _Match:
    """Projection → reshape → permute → one slice and squeeze per index of `axis`."""

    reshape: Op
    axis: int  # the sliced axis, counted in the reshaped tensor
    branches: tuple[tuple[int, Op, Op], ...]  # index, slice, squeeze or reshape


class QkvSplit(Rewrite):
    """reshape → permute → n × (slice, squeeze) → reshape → n × (slice, squeeze, permute).

    The permute of the whole moves every element; the permutes of the branches can be absorbed
    by the matmuls behind them, and a slice that cuts an inner axis may stay in local memory.
    """

    name = "qkv_split"
    summary = "slice q, k, v before permuting them, so that the matmuls can absorb the permutes"

    def apply(self, graph: Graph) -> int:
        """Rewrite every projection whose permuted result is only read by such slices."""
        count = 0
        for op in live_ops(graph):
            match = _match(graph, op)
            if not isinstance(match, _Match):
                continue
            _rewrite(graph, op, match)
            count += 1
        if count:
            graph.sort()
        return count

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """What keeps slices of a permuted projection from moving in front of the permute."""
        found = _match(graph, op)
        return found if isinstance(found, str) else None


def _match(graph: Graph, permute: Op) -> _Match | str | None:
    """The match at a permute, or the condition that fails if its result is sliced."""
    if not isinstance(permute.attrs, ops.Permute):
        return None
    reshape = graph.producer(permute.inputs[0])
    if reshape is None or not isinstance(reshape.attrs, ops.Reshape):
        return None
    matmul = graph.producer(reshape.inputs[0])
    if matmul is None or not isinstance(matmul.attrs, ops.MatMul):
        return None
    readers = graph.consumers(permute.outputs[0])
    if not any(single_index(graph, reader) for reader in readers):
        return None
    if not sole_consumer(graph, matmul.outputs[0]) or not sole_consumer(graph, reshape.outputs[0]):
        return "the projection is also read by other ops"
    return _branches(graph, permute, reshape, permute.attrs.order)


def _branches(graph: Graph, permute: Op, reshape: Op, order: tuple[int, ...]) -> _Match | str:
    branches: list[tuple[int, Op, Op]] = []
    axes: set[int] = set()
    for reader in graph.consumers(permute.outputs[0]):
        found, squeeze = single_index(graph, reader), sole_consumer(graph, reader.outputs[0])
        if found is None or squeeze is None or not isinstance(squeeze.attrs, _RESHAPES):
            return "not every reader is a slice of one index that is then squeezed away"
        axes.add(found[0])
        branches.append((found[1], reader, squeeze))
    if len(axes) != 1 or permute.outputs[0] in graph.outputs:
        return "the slices cut different axes, or the whole is a result of the network"
    axis = axes.pop()
    size = graph.tensor(permute.outputs[0]).shape[axis]
    if sorted(index for index, _, _ in branches) != list(range(size)):
        return "there is not exactly one slice per index of the sliced axis"
    if order[axis] == axis:
        return "the permute leaves the sliced axis where it is"
    return _Match(reshape, order[axis], tuple(sorted(branches, key=lambda branch: branch[0])))


def _rewrite(graph: Graph, permute: Op, match: _Match) -> None:
    assert isinstance(permute.attrs, ops.Permute)
    source = match.reshape.outputs[0]
    shape = graph.tensor(source).shape
    kept = [axis for axis in permute.attrs.order if axis != match.axis]
    order = tuple(axis - (axis > match.axis) for axis in kept)
    for index, slice_op, squeeze in match.branches:
        starts, ends = [0] * len(shape), list(shape)
        starts[match.axis], ends[match.axis] = index, index + 1
        cut = ops.Slice(tuple(starts), tuple(ends), (1,) * len(shape))
        part = append(graph, cut, [source], slice_op.name)
        part = append(graph, ops.Squeeze((match.axis,)), [part], squeeze.name)
        part = append(graph, ops.Permute(order), [part], f"{squeeze.name}/permute")
        target = graph.tensor(squeeze.outputs[0]).shape
        if graph.tensor(part).shape != target:
            part = append(graph, ops.Reshape(target), [part], f"{squeeze.name}/shape")
        replace_result(graph, squeeze, part)
