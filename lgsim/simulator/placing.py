"""Where every tensor lies in global memory: by itself, or inside another one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lgsim.graph.core import Graph, Op, TensorType
from lgsim.graph.ops import Concat
from lgsim.kernels.alias import Placement, view_offset


def place_tensors(graph: Graph, free: Sequence[Op]) -> dict[str, Placement]:
    """Placement of every tensor of the graph.

    Parameters
    ----------
    graph : Graph
        The typed graph.
    free : sequence of Op
        The ops without commands, in order. The result of such an op is a view of its first
        operand; the operands of such a concatenation are written directly into its result.
    """
    found: dict[str, Placement] = {}
    for op in reversed(free):
        if isinstance(op.attrs, Concat):
            offset = 0
            for name in op.inputs:
                found[name] = _within(found, op.outputs[0], offset)
                offset += graph.tensor(name).nbytes
    for op in free:
        if op.inputs and not isinstance(op.attrs, Concat):
            source = op.inputs[0]
            shift = view_offset(graph, op)
            if shift is None and graph.tensor(source).nbytes == graph.tensor(op.outputs[0]).nbytes:
                shift = 0
            if shift is not None:
                found[op.outputs[0]] = _within(found, source, shift)
    return {tensor.name: _within(found, tensor.name, 0) for tensor in graph.tensors}


def _within(found: dict[str, Placement], name: str, offset_bytes: int) -> Placement:
    """Placement of what lies `offset_bytes` into the tensor `name`."""
    inner = found.get(name, Placement(name))
    return Placement(inner.root, inner.offset_bytes + offset_bytes)


def tensor_addresses(
    graph: Graph,
    placements: Mapping[str, Placement],
    workspaces: Mapping[str, TensorType],
    local: Collection[str],
    align_bytes: int,
) -> dict[str, int]:
    """Byte address of every tensor: first weights, then activations, then workspaces of ops.

    Those that are `local`, made and read in local memory only, have none.
    """
    roots: dict[str, int] = {}
    free = 0
    owned = [(tensor.name, tensor.nbytes) for tensor in graph.tensors if tensor.weight]
    owned += [
        (tensor.name, tensor.nbytes)
        for tensor in graph.tensors
        if not tensor.weight and tensor.name not in local
    ]
    owned += [(name, type_.nbytes) for name, type_ in workspaces.items()]
    for name, nbytes in owned:
        if placements[name].root == name:
            roots[name] = free
            free += -(-nbytes // align_bytes) * align_bytes
    return {
        name: roots[place.root] + place.offset_bytes
        for name, place in placements.items()
        if place.root in roots
    }
