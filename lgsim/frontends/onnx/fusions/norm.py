"""LayerNorm, RMSNorm and GroupNorm spelled in elementary ops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.frontends.onnx.fusions.match import (
    active_operand,
    close,
    inner,
    made_by,
    replace_pattern,
    trailing_axis,
)
from lgsim.graph.ops import (
    AddConst,
    Div,
    DivConst,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Mul,
    Reduce,
    Reshape,
    RMSNorm,
    Sub,
)

if TYPE_CHECKING:
    from lgsim.graph.core import Graph, Op


def _normalised(graph: Graph, op: Op) -> list[tuple[str, str, float]]:
    """(x, mean square's operand, eps) of x / √(mean + eps), in the spellings it has.

    These are a Div by the root, or a Mul with its reciprocal; the Mul in both orders.
    """
    if isinstance(op.attrs, Div):
        found = _root(graph, op.inputs[1], "sqrt")
        return [(op.inputs[0], *found)] if found else []
    candidates = []
    for x, factor in (op.inputs, op.inputs[::-1]):
        found = _root(graph, factor, "rsqrt")
        reciprocal = inner(graph, factor, DivConst)
        if found is None and reciprocal and close(reciprocal[1].value, 1.0):
            found = _root(graph, reciprocal[0].inputs[0], "sqrt")
        if found:
            candidates.append((x, *found))
    return candidates


def _root(graph: Graph, tensor: str, mode: str) -> tuple[str, float] | None:
    """(y, eps) if the tensor is the root of y + eps."""
    operand = active_operand(graph, tensor, mode)
    found = inner(graph, operand, AddConst) if operand else None
    return (found[0].inputs[0], found[1].value) if found else None


def _mean(graph: Graph, tensor: str) -> tuple[str, int] | None:
    """(y, axis) if the tensor is the mean of y over the dimensions from `axis` on, kept as 1."""
    found = made_by(graph, tensor, Reduce)
    if found is None or found[1].mode != "mean" or not found[1].keepdims:
        return None
    operand = found[0].inputs[0]
    axis = trailing_axis(found[1].axes, len(graph.tensor(operand).shape))
    return None if axis is None else (operand, axis)


def _square(graph: Graph, tensor: str) -> str | None:
    """Find y of the tensor y·y."""
    found = inner(graph, tensor, Mul)
    return found[0].inputs[0] if found and len(set(found[0].inputs)) == 1 else None


def fuse_rms_norm(graph: Graph, op: Op) -> bool:
    """Fuse x / √(mean(x²) + eps) over the last dimensions."""
    for x, square_mean, eps in _normalised(graph, op):
        mean = inner(graph, square_mean, Reduce) and _mean(graph, square_mean)
        if mean and _square(graph, mean[0]) == x:
            replace_pattern(graph, op, RMSNorm(mean[1], eps), (x,))
            return True
    return False


def fuse_layer_norm(graph: Graph, op: Op) -> bool:
    """(x − mean(x)) / √(mean((x − mean(x))²) + eps) over the last dimensions."""
    for centred, square_mean, eps in _normalised(graph, op):
        mean = inner(graph, square_mean, Reduce) and _mean(graph, square_mean)
        deviation = _square(graph, mean[0]) if mean else None
        if not mean or deviation is None:
            continue
        x = _centred_operand(graph, centred, mean[1])
        # some exporters compute the deviation twice
        if x is None or _centred_operand(graph, deviation, mean[1]) != x:
            continue
        if _leaks(graph, {centred, deviation}, op, mean[0]):
            continue
        replace_pattern(graph, op, LayerNorm(mean[1], eps), (x,))
        return True
    return False


def _centred_operand(graph: Graph, tensor: str, axis: int) -> str | None:
    """Find x of the tensor x − mean(x), the mean taken over the dimensions from `axis` on."""
    found = made_by(graph, tensor, Sub)
    mean = _mean(graph, found[0].inputs[1]) if found else None
    if found is None or mean != (found[0].inputs[0], axis):
        return None
    return mean[0]


def _leaks(graph: Graph, tensors: set[str], last: Op, square: str) -> bool:
    """Whether anything outside of the pattern reads one of its deviations."""
    producer = graph.producer(square)
    inside = {last.name, producer.name if producer else ""}
    return any(
        tensor in graph.outputs or any(op.name not in inside for op in graph.consumers(tensor))
        for tensor in tensors
    )


def fuse_group_norm(graph: Graph, op: Op) -> bool:
    """PyTorch's spelling: (N, G, …) seen through a Reshape, InstanceNorm, and back."""
    found = inner(graph, op.inputs[0], InstanceNorm)
    grouped = inner(graph, found[0].inputs[0], Reshape) if found else None
    if found is None or grouped is None or len(found[0].inputs) != 3:
        return False
    x = grouped[0].inputs[0]
    shape, inside = graph.tensor(x).shape, grouped[1].shape
    same = graph.tensor(op.outputs[0]).shape == shape and shape[0] == inside[0]
    if not same or len(shape) < 2 or len(inside) < 3 or shape[1] % inside[1]:
        return False
    affine = zip(found[0].inputs[1:], (1.0, 0.0), strict=True)
    if not all(_is_filled(graph, tensor, value) for tensor, value in affine):
        return False
    replace_pattern(graph, op, GroupNorm(inside[1], found[1].eps), (x,))
    return True


def _is_filled(graph: Graph, tensor: str, value: float) -> bool:
    data = graph.tensor(tensor).data
    return data is not None and bool((data == value).all())
