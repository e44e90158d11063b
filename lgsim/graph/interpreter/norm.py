"""Evaluation of normalisations and of Softmax."""

from __future__ import annotations

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function, per_channel, relu_if, softmax


def _standardised(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    centred = x - x.mean(axes, keepdims=True)
    return np.asarray(centred / np.sqrt(np.square(centred).mean(axes, keepdims=True) + eps))


def _affine(x: Array, scale: Array | None, bias: Array | None) -> Array:
    if scale is not None:
        x = x * scale
    return x if bias is None else x + bias


def _layer_norm(
    attrs: ops.LayerNorm, x: Array, scale: Array | None = None, bias: Array | None = None
) -> Array:
    return _affine(_standardised(x, tuple(range(attrs.axis, x.ndim)), attrs.eps), scale, bias)


def _rms_norm(attrs: ops.RMSNorm, x: Array, scale: Array | None = None) -> Array:
    axes = tuple(range(attrs.axis, x.ndim))
    return _affine(x / np.sqrt(np.square(x).mean(axes, keepdims=True) + attrs.eps), scale, None)


def _group_norm(attrs: ops.GroupNorm, x: Array, *affine: Array) -> Array:
    grouped = x.reshape(x.shape[0], attrs.groups, -1)
    return _channel_affine(_standardised(grouped, (2,), attrs.eps).reshape(x.shape), *affine)


def _instance_norm(attrs: ops.InstanceNorm, x: Array, *affine: Array) -> Array:
    return _channel_affine(_standardised(x, tuple(range(2, x.ndim)), attrs.eps), *affine)


def _scale(attrs: ops.Scale, x: Array, *affine: Array) -> Array:
    return relu_if(attrs.relu, _channel_affine(x, *affine))


def _channel_affine(x: Array, scale: Array | None = None, bias: Array | None = None) -> Array:
    return _affine(x, *(None if p is None else per_channel(p, x) for p in (scale, bias)))


def _softmax(attrs: ops.Softmax, x: Array) -> Array:
    if not attrs.log:
        return softmax(x, attrs.axis)
    shifted = x - x.max(attrs.axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(attrs.axis, keepdims=True)))


def _lrn(attrs: ops.LRN, x: Array) -> Array:
    """Squares are summed over (size − 1) / 2 channels before and the rest behind each."""
    before = (attrs.size - 1) // 2
    border = [(0, 0), (before, attrs.size - 1 - before), *[(0, 0)] * (x.ndim - 2)]
    squares = np.pad(np.square(x), border)
    windows = np.lib.stride_tricks.sliding_window_view(squares, attrs.size, 1)
    sums = windows.sum(-1)
    return np.asarray(x / (attrs.bias + attrs.alpha / attrs.size * sums) ** attrs.beta)


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.GroupNorm: _group_norm,
    ops.InstanceNorm: _instance_norm,
    ops.LRN: _lrn,
    ops.LayerNorm: _layer_norm,
    ops.RMSNorm: _rms_norm,
    ops.Scale: _scale,
    ops.Softmax: _softmax,
}
