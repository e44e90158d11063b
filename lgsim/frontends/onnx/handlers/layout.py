"""Ops that move elements: Transpose, Concat, Split, Slice, Pad, DepthToSpace, Trilu."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.context import normal_axis
from lgsim.frontends.onnx.rebatch import widen
from lgsim.frontends.onnx.registry import handles
from lgsim.frontends.onnx.tensors import VALUE_LIMIT_ELEMENTS, Constant
from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Concat, Depth2Space, Mul, Pad, Permute, Slice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.core import Shape


@handles("Transpose")
def transpose(ctx: ImportContext, node: Node) -> None:
    """Permute; the order is reversed by default."""
    rank = ctx.rank(node.inputs[0])
    order = tuple(axis % rank for axis in node.get("perm", tuple(range(rank))[::-1]))
    if order == tuple(range(rank)):
        ctx.alias(node.outputs[0], node.inputs[0])
    else:
        ctx.unary(node, Permute(order))


@handles("Concat")
def concat(ctx: ImportContext, node: Node) -> None:
    """Concat, leaving out empty operands."""
    names = [name for name in node.inputs if ctx.type_of(name).elements]
    if len(names) == 1:
        ctx.alias(node.outputs[0], names[0])
        return
    axis = ctx.axis(node, 0, ctx.rank(names[0]))
    if axis > 0:
        batch = max((ctx.shape(n)[0] for n in names if ctx.constant(n) is None), default=0)
        names = [widen(ctx, name, 0, batch) for name in names]
    ctx.final(node, Concat(axis), names)


@handles("Split")
def split(ctx: ImportContext, node: Node) -> None:
    """One Slice per output."""
    x, axis = ctx.shape(node.inputs[0]), ctx.axis(node, 0)
    sizes = ctx.ints(node, "split", 1) or _even(x[axis], len(node.outputs))
    if len(sizes) != len(node.outputs) or sum(sizes) != x[axis]:
        raise LgsimError(f"sizes {sizes} do not split {x[axis]} into {len(node.outputs)} outputs")
    start = 0
    for name, size in zip(node.outputs, sizes, strict=True):
        if name:
            part = slice_attrs(x, {axis: (start, start + size, 1)})
            # each part is named as what it writes, since the node has only one name
            emit_slice(ctx, node.inputs[0], part, name, name)
        start += size


def _even(size: int, count: int) -> Shape:
    """Equal parts; the last one is smaller where they do not come out even."""
    each = -(-size // count)
    return tuple(max(min(each, size - each * i), 0) for i in range(count))


def slice_attrs(shape: Shape, bounds: Mapping[int, tuple[int, int | None, int]]) -> Slice:
    """A Slice with Python bounds (start, end, step) on some axes and all of the others."""
    resolved = [
        slice(*bounds[axis]).indices(size) if axis in bounds else (0, size, 1)
        for axis, size in enumerate(shape)
    ]
    starts, ends, steps = zip(*resolved, strict=True)
    return Slice(tuple(starts), tuple(ends), tuple(steps))


def emit_slice(ctx: ImportContext, source: str, attrs: Slice, output: str, name: str) -> None:
    """Append a Slice, or let the output stand for the source if all of it is taken.

    What nothing is left of becomes an empty constant, as where exporters roll by 0 elements.
    """
    x = ctx.type_of(source)
    sizes = tuple(map(len, map(range, attrs.starts, attrs.ends, attrs.steps)))
    if attrs == slice_attrs(x.shape, {}):
        ctx.alias(output, source)
    elif 0 in sizes:
        ctx.add_constant(output, Constant(TensorType(sizes, x.dtype)))
    else:
        ctx.emit(attrs, (source,), (output,), name)


@handles("Slice")
def slice_(ctx: ImportContext, node: Node) -> None:
    """Slice, with bounds as attributes (opset 9) or inputs."""
    x = ctx.shape(node.inputs[0])
    starts, ends = ctx.ints(node, "starts", 1), ctx.ints(node, "ends", 2)
    if starts is None or ends is None:
        raise LgsimError("it has no bounds")
    axes = ctx.ints(node, "axes", 3) or tuple(range(len(starts)))
    steps = ctx.ints(node, "steps", 4) or (1,) * len(starts)
    bounds: dict[int, tuple[int, int | None, int]] = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = normal_axis(axis, len(x))
        # with a negative step, an end below the front means "through element 0"
        bounds[at] = (start, None if step < 0 and end < -x[at] else end, step)
    emit_slice(ctx, node.inputs[0], slice_attrs(x, bounds), node.outputs[0], node.name)


@handles("Pad")
def pad(ctx: ImportContext, node: Node) -> None:
    """Pad; negative pads crop, which is a Slice."""
    x = ctx.shape(node.inputs[0])
    rank = len(x)
    given = ctx.ints(node, "pads", 1)
    if given is None:
        raise LgsimError("it has no pads")
    axes = ctx.ints(node, "axes", 3) or tuple(range(rank))
    pads = [0] * (2 * rank)
    for i, axis in enumerate(axes):
        at = normal_axis(axis, rank)
        pads[at], pads[rank + at] = given[i], given[len(axes) + i]
    source = node.inputs[0]
    if any(amount < 0 for amount in pads):
        crop = {i: (max(-pads[i], 0), n + min(pads[rank + i], 0), 1) for i, n in enumerate(x)}
        source = ctx.step(node, "crop", slice_attrs(x, crop), (source,))
        pads = [max(amount, 0) for amount in pads]
    if not any(pads):
        ctx.alias(node.outputs[0], source)
        return
    value = ctx.scalar(node.inputs[2]) if node.has(2) else node.get("value", 0.0)
    mode = node.get("mode", "constant")
    ctx.final(node, Pad(tuple(pads), mode, float(value or 0.0)), (source,))


@handles("DepthToSpace", "SpaceToDepth")
def depth_to_space(ctx: ImportContext, node: Node) -> None:
    """Channels to pixels, or back."""
    block = node.attrs["blocksize"]
    dcr = node.get("mode", "DCR") == "DCR"
    ctx.unary(node, Depth2Space(block, block, dcr, inverse=node.key == "SpaceToDepth"))


@handles("Trilu")
def trilu(ctx: ImportContext, node: Node) -> None:
    """A triangle of a matrix: the product with a constant mask."""
    rows, columns = ctx.shape(node.inputs[0])[-2:]
    diagonal = ctx.require_ints(node.inputs[1], "the diagonal")[0] if node.has(1) else 0
    if rows * columns > VALUE_LIMIT_ELEMENTS:
        mask = ctx.weight(node, "mask", TensorType((rows, columns), DType.F32))
    else:
        ones = np.ones((rows, columns), np.float32)
        keep = np.triu if node.get("upper", 1) else np.tril
        mask = ctx.add_constant(f"{node.name}/mask", Constant.of(keep(ones, diagonal)))
    ctx.final(node, Mul(), (node.inputs[0], mask))
