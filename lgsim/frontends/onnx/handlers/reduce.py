"""Reductions, positions of extremes, the k largest, running sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.context import normal_axes, normal_axis
from lgsim.frontends.onnx.registry import handles
from lgsim.graph.ops import Arg, CumSum, Reduce, Squeeze, TopK

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node

_MODES = {
    "ReduceL1": "l1",
    "ReduceL2": "l2",
    "ReduceLogSum": "logsum",
    "ReduceLogSumExp": "logsumexp",
    "ReduceMax": "max",
    "ReduceMean": "mean",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    "ReduceSum": "sum",
    "ReduceSumSquare": "sumsquare",
}
# Over one element these leave it as it is.
_PLAIN_OVER_ONE = ("max", "mean", "min", "prod", "sum")


@handles(*_MODES)
def reduce(ctx: ImportContext, node: Node) -> None:
    """A reduction; its axes are an attribute or, in newer opsets, an input."""
    x, mode = ctx.shape(node.inputs[0]), _MODES[node.key]
    given = ctx.ints(node, "axes", 1)
    keepdims = bool(node.get("keepdims", 1))
    if not given and node.get("noop_with_empty_axes", 0):
        ctx.alias(node.outputs[0], node.inputs[0])
        return
    axes = normal_axes(given, len(x)) if given else tuple(range(len(x)))
    if mode in _PLAIN_OVER_ONE and all(x[axis] == 1 for axis in axes):
        if keepdims or not axes:
            ctx.alias(node.outputs[0], node.inputs[0])
        else:
            ctx.unary(node, Squeeze(axes))
        return
    ctx.unary(node, Reduce(mode, axes, keepdims))


@handles("ArgMax", "ArgMin")
def arg(ctx: ImportContext, node: Node) -> None:
    """Position of the largest or smallest element."""
    mode = "max" if node.key == "ArgMax" else "min"
    ctx.unary(node, Arg(mode, ctx.axis(node, 0), bool(node.get("keepdims", 1))))


@handles("TopK")
def topk(ctx: ImportContext, node: Node) -> None:
    """The k largest or smallest elements and their positions."""
    given = ctx.ints(node, "k", 1)
    if given is None:
        raise LgsimError("it has no k")
    attrs = TopK(ctx.axis(node, -1), given[0], bool(node.get("largest", 1)))
    x = ctx.type_of(node.inputs[0])
    ctx.emit(attrs, node.inputs[:1], ctx.outputs_of(node, (x, x)), node.name)


@handles("CumSum")
def cumsum(ctx: ImportContext, node: Node) -> None:
    """Running sum."""
    axis = normal_axis(ctx.require_ints(node.inputs[1], "the axis")[0], ctx.rank(node.inputs[0]))
    attrs = CumSum(axis, bool(node.get("exclusive", 0)), bool(node.get("reverse", 0)))
    ctx.unary(node, attrs)
