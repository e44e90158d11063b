"""Scales and biases that belong to the op before: BatchNorm, MatMul + Add, affine norms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lgsim.frontends.onnx.fusions.match import (
    channel_weight,
    folded_weight,
    inner,
    replace_pattern,
    reshaped_weight,
)
from lgsim.graph.ops import (
    Conv,
    Deconv,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    MatMul,
    Reshape,
    RMSNorm,
)
from lgsim.graph.ops.base import OpKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lgsim.graph.core import Graph, Op

    Array = np.ndarray[Any, Any]

_NORMS = (LayerNorm, RMSNorm, GroupNorm, InstanceNorm)


def _all_weights(graph: Graph, tensors: Sequence[str]) -> bool:
    return all(graph.tensor(tensor).weight for tensor in tensors)


def _linear(graph: Graph, tensor: str) -> tuple[Op, int, int] | None:
    """The weighted Conv, Deconv or MatMul behind a tensor, its output channels and their axis."""
    found = inner(graph, tensor, OpKind)
    if found is None:
        return None
    op, attrs = found
    shape = graph.tensor(tensor).shape
    if len(op.inputs) < 2 or not _all_weights(graph, op.inputs[1:]):
        return None
    if isinstance(attrs, Conv | Deconv):
        return op, shape[1], 1
    if isinstance(attrs, MatMul) and len(graph.tensor(op.inputs[1]).shape) == 2:
        return op, shape[-1], len(shape) - 1
    return None


def _scaled_filter(attrs: OpKind, weight: Array, scale: Array) -> Array:
    """A filter or matrix whose output channels are multiplied by one number each."""
    numbers = scale.reshape(-1)
    if isinstance(attrs, MatMul):
        return weight * (numbers[:, None] if attrs.right_transpose else numbers)
    taps = (1,) * (weight.ndim - 2)
    if isinstance(attrs, Deconv):  # (IC, OC/groups, *kernel)
        grouped = weight.reshape(attrs.groups, -1, *weight.shape[1:])
        scaled = grouped * numbers.reshape(attrs.groups, 1, weight.shape[1], *taps)
        return np.asarray(scaled.reshape(weight.shape))
    return weight * numbers.reshape(-1, 1, *taps)


def _fold_scale(graph: Graph, linear: Op, scale: str) -> str:
    """The filter of a linear op with a scale per output channel folded into it."""
    return folded_weight(
        graph, linear, linear.inputs[1], (scale,), lambda w, s: _scaled_filter(linear.attrs, w, s)
    )


def fuse_scale(graph: Graph, op: Op) -> bool:
    """A BatchNorm after a Conv, Deconv or MatMul: its numbers go into filter and bias offline.

    Between a MatMul and its BatchNorm the rows may be flattened by a Reshape, which stays.
    """
    reshape = _flattened(graph, op.inputs[0])
    found = _linear(graph, reshape.inputs[0] if reshape else op.inputs[0])
    if found is None or not _all_weights(graph, op.inputs[1:]):
        return False
    linear, _, axis = found
    if not isinstance(linear.attrs, MatMul) if reshape else axis != 1:
        return False
    scale, bias = op.inputs[1:]
    if len(linear.inputs) == 3:
        bias = folded_weight(
            graph, linear, linear.inputs[2], (scale, bias), lambda c, s, b: c * s + b
        )
    weight = _fold_scale(graph, linear, scale)
    operands = (linear.inputs[0], weight, bias)
    if reshape:
        graph.replace_op(linear.name, inputs=operands)
        replace_pattern(graph, op, reshape.attrs, reshape.inputs)
    else:
        replace_pattern(graph, op, linear.attrs, operands)
    return True


def _flattened(graph: Graph, tensor: str) -> Op | None:
    """The Reshape to rows and columns behind a tensor, if the columns were the last dimension."""
    found = inner(graph, tensor, Reshape)
    if found is None or len(found[1].shape) != 2:
        return None
    columns = graph.tensor(found[0].inputs[0]).shape[-1]
    return found[0] if columns == found[1].shape[-1] else None


def _operand_and_weight(graph: Graph, op: Op) -> tuple[str, str] | None:
    """The activation and the weight of an op on one of each."""
    x, y = op.inputs
    if graph.tensor(y).weight:
        return x, y
    return (y, x) if graph.tensor(x).weight else None


def fuse_conv_channel_scale(graph: Graph, op: Op) -> bool:
    """A Mul by one weight per channel after a Conv or Deconv (a frozen BatchNorm)."""
    pair = _operand_and_weight(graph, op)
    found = _linear(graph, pair[0]) if pair else None
    if pair is None or found is None or isinstance(found[0].attrs, MatMul):
        return False
    linear, channels, axis = found
    if not channel_weight(graph, pair[1], len(graph.tensor(pair[0]).shape), axis, channels):
        return False
    bias = [
        folded_weight(graph, linear, name, pair[1:], lambda c, s: c * s.reshape(-1))
        for name in linear.inputs[2:]
    ]
    weight = _fold_scale(graph, linear, pair[1])
    replace_pattern(graph, op, linear.attrs, (linear.inputs[0], weight, *bias))
    return True


def fuse_add_bias(graph: Graph, op: Op) -> bool:
    """An Add of one weight per output channel after a Conv, Deconv or MatMul without a bias."""
    pair = _operand_and_weight(graph, op)
    found = _linear(graph, pair[0]) if pair else None
    if pair is None or found is None or len(found[0].inputs) == 3:
        return False
    linear, channels, axis = found
    if not channel_weight(graph, pair[1], len(graph.tensor(pair[0]).shape), axis, channels):
        return False
    bias = reshaped_weight(graph, pair[1], (channels,))
    replace_pattern(graph, op, linear.attrs, (*linear.inputs, bias))
    return True


def fuse_norm_scale(graph: Graph, op: Op) -> bool:
    """A Mul by a weight after a norm that has none."""
    return _fuse_norm(graph, op, 1, _NORMS)


def fuse_norm_bias(graph: Graph, op: Op) -> bool:
    """An Add of a weight after a norm that has a scale and no bias."""
    return _fuse_norm(graph, op, 2, (LayerNorm, GroupNorm, InstanceNorm))


def _fuse_norm(graph: Graph, op: Op, inputs: int, norms: tuple[type[OpKind], ...]) -> bool:
    pair = _operand_and_weight(graph, op)
    found = inner(graph, pair[0], OpKind) if pair else None
    if pair is None or found is None:
        return False
    norm, attrs = found
    if not isinstance(attrs, norms) or len(norm.inputs) != inputs:
        return False
    x = graph.tensor(norm.inputs[0]).shape
    weight = graph.tensor(pair[1]).shape
    if isinstance(attrs, LayerNorm | RMSNorm):
        shape = x[attrs.axis :]
        padded = (1,) * attrs.axis + shape
        fits = (1,) * (len(x) - len(weight)) + weight == padded
    else:
        shape = (x[1],)
        fits = channel_weight(graph, pair[1], len(x), 1, x[1])
    if not fits:
        return False
    affine = reshaped_weight(graph, pair[1], shape)
    replace_pattern(graph, op, attrs, (*norm.inputs, affine))
    return True
