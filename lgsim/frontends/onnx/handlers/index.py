"""Look-ups and updates by index."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.context import normal_axis
from lgsim.frontends.onnx.fallback import emit_unknown
from lgsim.frontends.onnx.handlers.layout import emit_slice, slice_attrs
from lgsim.frontends.onnx.registry import handles
from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import (
    Gather,
    GatherElements,
    GatherND,
    GridSampler,
    OneHot,
    ScatterElements,
    ScatterND,
    Squeeze,
)

if TYPE_CHECKING:
    import numpy as np

    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node


@handles("Gather")
def gather(ctx: ImportContext, node: Node) -> None:
    """Gather; evenly spaced constant indices make a Slice, a single one also a Squeeze."""
    data, indices = node.inputs[:2]
    axis = ctx.axis(node, 0)
    size = ctx.shape(data)[axis]
    value = ctx.value(indices)
    window = None if value is None or ctx.constant(data) else _window(value, size)
    if window is None:
        ctx.final(node, Gather(axis), (data, indices))
        return
    part = slice_attrs(ctx.shape(data), {axis: window})
    if ctx.rank(indices):
        emit_slice(ctx, data, part, node.outputs[0], node.name)
        return
    sliced = f"{node.name}/slice"
    emit_slice(ctx, data, part, sliced, sliced)
    ctx.final(node, Squeeze((axis,)), (sliced,))


def _window(
    value: np.ndarray[tuple[int, ...], np.dtype[np.int64]], size: int
) -> tuple[int, int | None, int] | None:
    """Start, end and step of the indices if they are evenly spaced and ascending."""
    if value.ndim > 1 or not value.size:
        return None
    places = [int(i) + size if i < 0 else int(i) for i in value.reshape(-1)]
    if min(places) < 0 or max(places) >= size:
        raise LgsimError(f"index {value.reshape(-1).tolist()} is outside of {size} elements")
    step = places[1] - places[0] if len(places) > 1 else 1
    even = all(b - a == step for a, b in pairwise(places))
    return (places[0], places[-1] + 1, step) if even and step > 0 else None


@handles("GatherElements")
def gather_elements(ctx: ImportContext, node: Node) -> None:
    """One element per index."""
    ctx.final(node, GatherElements(ctx.axis(node, 0)), node.inputs[:2])


@handles("GatherND")
def gather_nd(ctx: ImportContext, node: Node) -> None:
    """Slices at index vectors."""
    ctx.final(node, GatherND(node.get("batch_dims", 0)), node.inputs[:2])


@handles("ScatterElements", "Scatter")
def scatter_elements(ctx: ImportContext, node: Node) -> None:
    """Single elements replaced."""
    attrs = ScatterElements(ctx.axis(node, 0), node.get("reduction", "none"))
    ctx.final(node, attrs, node.inputs[:3])


@handles("ScatterND")
def scatter_nd(ctx: ImportContext, node: Node) -> None:
    """Slices at index vectors replaced."""
    ctx.final(node, ScatterND(node.get("reduction", "none")), node.inputs[:3])


@handles("OneHot")
def one_hot(ctx: ImportContext, node: Node) -> None:
    """A new dimension that is on at the index."""
    depth = ctx.require_ints(node.inputs[1], "the depth")[0]
    axis = normal_axis(node.get("axis", -1), ctx.rank(node.inputs[0]) + 1)
    ctx.final(node, OneHot(depth, axis), (node.inputs[0], node.inputs[2]))


# ONNX renamed the modes in opset 20.
_GRID_MODES = {"bilinear": "linear", "bicubic": "cubic"}


@handles("GridSample")
def grid_sample(ctx: ImportContext, node: Node) -> None:
    """Samples at the points of a grid."""
    mode = node.get("mode", "linear")
    attrs = GridSampler(
        _GRID_MODES.get(mode, mode),
        node.get("padding_mode", "zeros"),
        bool(node.get("align_corners", 0)),
    )
    ctx.final(node, attrs, node.inputs[:2])


@handles("NonMaxSuppression")
def non_max_suppression(ctx: ImportContext, node: Node) -> None:
    """An `Unknown` of the largest size its result can have: k boxes per class and image."""
    images, classes = ctx.shape(node.inputs[1])[:2]
    boxes = ctx.shape(node.inputs[0])[1]
    most = ctx.require_ints(node.inputs[2], "the number of boxes")[0] if node.has(2) else 0
    rows = images * classes * min(most, boxes)
    if rows < 1:
        raise LgsimError("it selects no boxes", limit="max_output_boxes_per_class is 0")
    emit_unknown(ctx, node, (TensorType((rows, 3), DType.I64),))
