"""Normalisations and Softmax."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from lgsim.frontends.onnx.context import normal_axis
from lgsim.frontends.onnx.registry import handles
from lgsim.frontends.onnx.tensors import Array, Constant
from lgsim.graph.core import Shape, TensorType
from lgsim.graph.ops import (
    LRN,
    Add,
    Div,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Mul,
    Reduce,
    Reshape,
    RMSNorm,
    Scale,
    Softmax,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.ops.base import OpKind


@handles("BatchNormalization")
def batch_normalization(ctx: ImportContext, node: Node) -> None:
    """A per-channel Scale: mean and variance are merged into scale and bias offline."""
    scale, bias, mean, variance = node.inputs[1:5]
    if ctx.constant(scale) is not None and ctx.constant(bias) is not None:
        values = [ctx.value(name) for name in (scale, bias, mean, variance)]
        merged = _merged(values, node.get("epsilon", 1e-5))
        constants = [
            Constant(ctx.type_of(name)) if value is None else Constant.of(value)
            for name, value in zip((scale, bias), merged, strict=True)
        ]
        scale = ctx.add_constant(f"{node.name}/scale", constants[0])
        bias = ctx.add_constant(f"{node.name}/bias", constants[1])
    ctx.final(node, Scale(), (node.inputs[0], scale, bias))


def _merged(values: Sequence[Array | None], eps: float) -> tuple[Array | None, Array | None]:
    """The scale and bias that a BatchNorm's scale, bias, mean and variance amount to."""
    scale, bias, mean, variance = values
    if scale is None or bias is None or mean is None or variance is None:
        return None, None
    with np.errstate(all="ignore"):  # nonsense in the file stays nonsense, without a warning
        scale = np.asarray(scale / np.sqrt(variance + eps))
        return scale, np.asarray(bias - mean * scale)


@handles("InstanceNormalization")
def instance_normalization(ctx: ImportContext, node: Node) -> None:
    """InstanceNorm."""
    ctx.final(node, InstanceNorm(node.get("epsilon", 1e-5)), node.inputs[:3])


@handles("GroupNormalization")
def group_normalization(ctx: ImportContext, node: Node) -> None:
    """GroupNorm; scale and bias are per group before opset 21, per channel since."""
    channels = ctx.shape(node.inputs[0])[1]
    affine = []
    for name, suffix in zip(node.inputs[1:3], ("scale", "bias"), strict=True):
        type_ = ctx.type_of(name)
        if type_.shape != (channels,) and ctx.constant(name) is not None:
            name = ctx.weight(node, suffix, TensorType((channels,), type_.dtype))
        affine.append(name)
    attrs = GroupNorm(node.attrs["num_groups"], node.get("epsilon", 1e-5))
    ctx.final(node, attrs, (node.inputs[0], *affine))


@handles("LayerNormalization")
def layer_normalization(ctx: ImportContext, node: Node) -> None:
    """LayerNorm."""
    axis = ctx.axis(node, -1)
    _affine(ctx, node, LayerNorm(axis, node.get("epsilon", 1e-5)), axis)


@handles("RMSNormalization", "SimplifiedLayerNormalization")
def rms_normalization(ctx: ImportContext, node: Node) -> None:
    """RMSNorm."""
    axis = ctx.axis(node, -1)
    _affine(ctx, node, RMSNorm(axis, node.get("epsilon", 1e-5)), axis)


def _affine(ctx: ImportContext, node: Node, attrs: OpKind, axis: int) -> None:
    """The norm with scale and bias; ones of another shape are applied by ops of their own."""
    x = node.inputs[0]
    normalised = ctx.shape(x)[axis:]
    names = [name for name in node.inputs[1:3] if name]
    fitted = [_fitted(ctx, node, name, normalised) for name in names]
    if all(fitted):
        ctx.final(node, attrs, (x, *(name for name in fitted if name)))
        return
    x = ctx.step(node, "norm", attrs, (x,))
    if len(names) == 2:
        x = ctx.step(node, "scale", Mul(), (x, names[0]))
    ctx.final(node, Add() if len(names) == 2 else Mul(), (x, names[-1]))


def _fitted(ctx: ImportContext, node: Node, name: str, shape: Shape) -> str | None:
    given = ctx.shape(name)
    if given == shape:
        return name
    if prod(given) != prod(shape) or ctx.constant(name) is None:
        return None
    return ctx.step(node, f"shape_of_{name}", Reshape(shape), (name,))


@handles("LRN")
def lrn(ctx: ImportContext, node: Node) -> None:
    """Local response normalisation."""
    alpha, beta = node.get("alpha", 1e-4), node.get("beta", 0.75)
    ctx.unary(node, LRN(node.attrs["size"], alpha, beta, node.get("bias", 1.0)))


@handles("LpNormalization")
def lp_normalization(ctx: ImportContext, node: Node) -> None:
    """Divide x by its norm along an axis."""
    axis = ctx.axis(node, -1)
    mode = "l1" if node.get("p", 2) == 1 else "l2"
    norm = ctx.step(node, "norm", Reduce(mode, (axis,)), node.inputs[:1])
    ctx.final(node, Div(), (node.inputs[0], norm))


@handles("Softmax", "LogSoftmax")
def softmax(ctx: ImportContext, node: Node) -> None:
    """Softmax over one axis; before opset 13 over all dimensions from the axis on."""
    x = ctx.shape(node.inputs[0])
    log = node.key == "LogSoftmax"
    coerced = ctx.opset < 13
    axis = normal_axis(node.get("axis", 1 if coerced else -1), len(x))
    if not coerced or prod(x[axis + 1 :]) == 1:
        ctx.unary(node, Softmax(axis, log))
        return
    flat = ctx.step(node, "flat", Reshape((*x[:axis], prod(x[axis:]))), node.inputs[:1])
    soft = ctx.step(node, "softmax", Softmax(axis, log), (flat,))
    ctx.final(node, Reshape(x), (soft,))
