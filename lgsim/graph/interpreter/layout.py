"""Evaluation of ops that only move or rename elements."""

from __future__ import annotations

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function


def _slice(attrs: ops.Slice, x: Array) -> Array:
    bounds = zip(attrs.starts, attrs.ends, attrs.steps, strict=True)
    return x[tuple(slice(start, end if end >= 0 else None, step) for start, end, step in bounds)]


def _pad(attrs: ops.Pad, x: Array) -> Array:
    border = list(zip(attrs.pads[: x.ndim], attrs.pads[x.ndim :], strict=True))
    if attrs.mode == "constant":
        return np.pad(x, border, constant_values=attrs.value)
    if attrs.mode == "edge":
        return np.pad(x, border, mode="edge")
    return np.pad(x, border, mode="reflect" if attrs.mode == "reflect" else "wrap")


def _depth2space(attrs: ops.Depth2Space, x: Array) -> Array:
    """Blocks of channels to pixels or back; computed with the channels last."""
    if not attrs.channels_last:
        x = x.transpose(0, 2, 3, 1)
    n, h, w, c = x.shape
    p, q = attrs.block_h, attrs.block_w
    # Among the channels stand, from the outside in: axis 0 is the block row, 1 the block
    # column, 2 the channel.
    order = [1, 0, 2] if attrs.column_first else [0, 1, 2]
    if not attrs.dcr:
        order = [2, *order[:2]]
    if attrs.inverse:
        x = x.reshape(n, h // p, p, w // q, q, c).transpose(0, 1, 3, 2, 4, 5)
        x = x.transpose(0, 1, 2, *(3 + axis for axis in order)).reshape(n, h // p, w // q, -1)
    else:
        sizes = (p, q, c // (p * q))
        x = x.reshape(n, h, w, *(sizes[axis] for axis in order))
        x = x.transpose(0, 1, 2, *(3 + order.index(axis) for axis in range(3)))
        x = x.transpose(0, 1, 3, 2, 4, 5).reshape(n, h * p, w * q, -1)
    return x if attrs.channels_last else x.transpose(0, 3, 1, 2)


def _swap_dim_inner(attrs: ops.SwapDimInner, x: Array) -> Array:
    return np.roll(x, [-offset for offset in attrs.offsets], tuple(range(x.ndim)))


def _shuffle_channel(attrs: ops.ShuffleChannel, x: Array) -> Array:
    n, channels = x.shape[:2]
    grouped = x.reshape(n, attrs.group, channels // attrs.group, *x.shape[2:])
    return grouped.swapaxes(1, 2).reshape(x.shape)


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Concat: lambda attrs, *parts: np.concatenate(parts, attrs.axis),
    ops.Depth2Space: _depth2space,
    ops.Pad: _pad,
    ops.Permute: lambda attrs, x: x.transpose(attrs.order),
    ops.Reshape: lambda attrs, x: x.reshape(attrs.shape),
    ops.ShuffleChannel: _shuffle_channel,
    ops.Slice: _slice,
    ops.Squeeze: lambda attrs, x: np.squeeze(x, attrs.axes),
    ops.SwapDimInner: _swap_dim_inner,
    ops.Tile: lambda attrs, x: np.tile(x, attrs.repeats),
    ops.Unsqueeze: lambda attrs, x: np.expand_dims(x, attrs.axes),
}
