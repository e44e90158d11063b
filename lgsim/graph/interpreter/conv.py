"""Evaluation of convolutions, transposed ones, and pooling, by sliding windows."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function, per_channel, relu_if

# Letters of spatial positions and of kernel taps in an einsum.
_SPATIAL = "xyz"
_TAPS = "klm"


def _windows(
    x: Array,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pads: tuple[int, ...],
    dilations: tuple[int, ...],
    fill: float,
) -> Array:
    """Windows of (N, C, *spatial) as (N, C, *positions, *taps)."""
    rank = len(kernel)
    border = [(0, 0), (0, 0), *((pads[i], pads[rank + i]) for i in range(rank))]
    padded = np.pad(x, border, constant_values=fill)
    extents = tuple(d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True))
    axes = tuple(range(2, 2 + rank))
    view = np.lib.stride_tricks.sliding_window_view(padded, extents, axes)
    positions = tuple(slice(None, None, stride) for stride in strides)
    taps = tuple(slice(None, None, dilation) for dilation in dilations)
    return view[(slice(None), slice(None), *positions, *taps)]


def _conv(attrs: ops.Conv, x: Array, weight: Array, bias: Array | None = None) -> Array:
    rank, groups = len(attrs.kernel), attrs.groups
    view = _windows(x, attrs.kernel, attrs.strides, attrs.pads, attrs.dilations, 0.0)
    view = view.reshape(x.shape[0], groups, -1, *view.shape[2:])
    filters = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    space, taps = _SPATIAL[:rank], _TAPS[:rank]
    result = np.einsum(f"ngc{space}{taps},goc{taps}->ngo{space}", view, filters, optimize=True)
    return _finish(attrs, result, bias)


def _deconv(attrs: ops.Deconv, x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Every input adds its multiple of the filter to the full result, which is then cut."""
    rank, groups = len(attrs.kernel), attrs.groups
    n, space, taps = x.shape[0], _SPATIAL[:rank], _TAPS[:rank]
    grouped = x.reshape(n, groups, -1, *x.shape[2:])
    filters = weight.reshape(groups, -1, *weight.shape[1:])
    parts = np.einsum(f"ngc{space},gco{taps}->ngo{space}{taps}", grouped, filters, optimize=True)
    full = np.zeros((*parts.shape[:3], *_full_size(attrs, x.shape[2:])), parts.dtype)
    for tap in product(*map(range, attrs.kernel)):
        places: tuple[Any, ...] = tuple(
            slice(t * dilation, t * dilation + (size - 1) * stride + 1, stride)
            for t, dilation, size, stride in zip(
                tap, attrs.dilations, x.shape[2:], attrs.strides, strict=True
            )
        )
        full[(Ellipsis, *places)] += parts[(Ellipsis, *tap)]
    kept: tuple[Any, ...] = tuple(
        slice(attrs.pads[i], full.shape[3 + i] - attrs.pads[rank + i]) for i in range(rank)
    )
    return _finish(attrs, full[(Ellipsis, *kept)], bias)


def _full_size(attrs: ops.Deconv, spatial: tuple[int, ...]) -> list[int]:
    """Size of the result of a transposed convolution, before the pads are cut from it."""
    return [
        (size - 1) * stride + dilation * (kernel - 1) + 1 + extra
        for size, stride, dilation, kernel, extra in zip(
            spatial, attrs.strides, attrs.dilations, attrs.kernel, attrs.output_padding, strict=True
        )
    ]


def _finish(attrs: ops.Conv | ops.Deconv, grouped: Array, bias: Array | None) -> Array:
    """(N, groups, C/groups, *spatial) as (N, C, *spatial), with bias and ReLU."""
    n, groups, channels = grouped.shape[:3]
    result = grouped.reshape(n, groups * channels, *grouped.shape[3:])
    if bias is not None:
        result = result + per_channel(bias, result)
    return relu_if(attrs.relu, result, attrs.relu_limit)


def _pool(attrs: ops.Pool, x: Array) -> Array:
    rank = len(attrs.kernel)
    taps = tuple(range(-rank, 0))
    window = (attrs.kernel, attrs.strides, attrs.pads, attrs.dilations or (1,) * rank)
    if attrs.mode == "max":
        result = _windows(x, *window, -math.inf).max(taps)
    elif attrs.mode == "lp":
        result = np.sqrt(np.square(_windows(x, *window, 0.0)).sum(taps))
    elif attrs.count_include_pad:
        result = _windows(x, *window, 0.0).mean(taps)
    else:
        inside = _windows(np.ones_like(x), *window, 0.0).sum(taps)
        result = _windows(x, *window, 0.0).sum(taps) / inside
    return relu_if(attrs.relu, result)


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Conv: _conv,
    ops.Deconv: _deconv,
    ops.Pool: _pool,
}
