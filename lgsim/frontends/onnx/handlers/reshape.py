"""Ops that rename, reshape or repeat: Reshape, Squeeze, Expand, Tile, Identity, Shape, …."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING

import numpy as np

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.context import normal_axes
from lgsim.frontends.onnx.rebatch import rebatched_target
from lgsim.frontends.onnx.registry import handles
from lgsim.frontends.onnx.tensors import Constant
from lgsim.graph.core import TensorType
from lgsim.graph.ops import Reshape, Squeeze, Tile, Unsqueeze
from lgsim.graph.ops.rules import broadcast

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.core import Shape


@handles("Identity", "Dropout")
def identity(ctx: ImportContext, node: Node) -> None:
    """Nothing at inference; a dropout mask keeps everything."""
    ctx.alias(node.outputs[0], node.inputs[0])
    if node.uses_output(1):
        mask = np.broadcast_to(np.True_, ctx.shape(node.inputs[0]))
        ctx.add_constant(node.outputs[1], Constant.of(mask))


@handles("Shape")
def shape_of(ctx: ImportContext, node: Node) -> None:
    """The shape, which is static here, or a part of it."""
    shape = ctx.shape(node.inputs[0])[node.get("start", None) : node.get("end", None)]
    ctx.add_constant(node.outputs[0], Constant.of(np.array(shape, dtype=np.int64)))


@handles("Size")
def size_of(ctx: ImportContext, node: Node) -> None:
    """The number of elements."""
    count = ctx.type_of(node.inputs[0]).elements
    ctx.add_constant(node.outputs[0], Constant.of(np.array(count, dtype=np.int64)))


@handles("ConstantOfShape", "Range")
def needs_constants(ctx: ImportContext, node: Node) -> None:
    """Folding computes these, unless an operand is known at run time only, or a range is long."""
    operands = [ctx.require(name, "operand").reshape(-1)[0] for name in node.inputs]
    start, limit, delta = operands
    count = max(ceil((limit - start) / delta), 0)
    type_ = TensorType((count,), ctx.type_of(node.inputs[0]).dtype)
    ctx.add_constant(node.outputs[0], Constant(type_))


def reshape_to(ctx: ImportContext, node: Node, shape: Shape) -> None:
    """Give the node's input another shape; nothing if it has it already."""
    if ctx.shape(node.inputs[0]) == shape:
        ctx.alias(node.outputs[0], node.inputs[0])
    else:
        ctx.unary(node, Reshape(shape))


@handles("Reshape")
def reshape(ctx: ImportContext, node: Node) -> None:
    """Reshape, with 0 (copied) and −1 (whatever is left) resolved."""
    x = ctx.shape(node.inputs[0])
    given = ctx.ints(node, "shape", 1)
    if given is None:
        raise LgsimError("it has no target shape")
    target = rebatched_target(ctx, node, given)
    reshape_to(ctx, node, _resolved(x, target, bool(node.get("allowzero", 0))))


def _resolved(x: Shape, given: Shape, allowzero: bool) -> Shape:
    if not allowzero:
        if any(dim == 0 and i >= len(x) for i, dim in enumerate(given)):
            raise LgsimError(f"target shape {given} copies a dimension its input does not have")
        given = tuple(x[i] if dim == 0 else dim for i, dim in enumerate(given))
    rest = prod(dim for dim in given if dim != -1)
    if given.count(-1) > 1 or (-1 in given and (rest == 0 or prod(x) % rest)):
        raise LgsimError(f"{'x'.join(map(str, x))} does not reshape to {given}")
    return tuple(prod(x) // rest if dim == -1 else dim for dim in given)


@handles("Flatten")
def flatten(ctx: ImportContext, node: Node) -> None:
    """To two dimensions, parted in front of an axis."""
    x = ctx.shape(node.inputs[0])
    axis = int(node.get("axis", 1))
    axis = axis + len(x) if axis < 0 else axis
    reshape_to(ctx, node, (prod(x[:axis]), prod(x[axis:])))


@handles("Squeeze")
def squeeze(ctx: ImportContext, node: Node) -> None:
    """Drop dimensions of size 1: the given ones, or all."""
    x = ctx.shape(node.inputs[0])
    given = ctx.ints(node, "axes", 1)
    if given is None:
        axes = tuple(i for i, size in enumerate(x) if size == 1)
    else:
        axes = normal_axes(given, len(x))
    if axes:
        ctx.unary(node, Squeeze(axes))
    else:
        ctx.alias(node.outputs[0], node.inputs[0])


@handles("Unsqueeze")
def unsqueeze(ctx: ImportContext, node: Node) -> None:
    """Insert dimensions of size 1."""
    axes = ctx.ints(node, "axes", 1)
    if not axes:
        ctx.alias(node.outputs[0], node.inputs[0])
        return
    rank = ctx.rank(node.inputs[0]) + len(axes)
    ctx.unary(node, Unsqueeze(normal_axes(axes, rank)))


@handles("Expand")
def expand(ctx: ImportContext, node: Node) -> None:
    """Broadcast to a shape: leading dimensions are added, then repeated."""
    target = ctx.require_ints(node.inputs[1], "the target shape")
    _repeat(ctx, node, broadcast([ctx.shape(node.inputs[0]), target]))


def _repeat(ctx: ImportContext, node: Node, target: Shape) -> None:
    x = ctx.shape(node.inputs[0])
    source = node.inputs[0]
    padded = (1,) * (len(target) - len(x)) + x
    if padded == target:
        reshape_to(ctx, node, target)
        return
    if padded != x:
        source = ctx.step(node, "reshape", Reshape(padded), (source,))
    repeats = tuple(new // old for new, old in zip(target, padded, strict=True))
    ctx.final(node, Tile(repeats), (source,))


@handles("Tile")
def tile(ctx: ImportContext, node: Node) -> None:
    """Repeat along each dimension."""
    repeats = ctx.require_ints(node.inputs[1], "the repeats")
    if all(repeat == 1 for repeat in repeats):
        ctx.alias(node.outputs[0], node.inputs[0])
    else:
        ctx.unary(node, Tile(repeats))
