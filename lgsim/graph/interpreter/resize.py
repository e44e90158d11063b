"""Evaluation of resizing: along each dimension, a matrix of interpolation weights."""

from __future__ import annotations

import numpy as np

from lgsim.errors import LgsimError
from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function

# Sharpness of the cubic kernel, ONNX's default (as PyTorch's).
_CUBIC = -0.75


def _upsample(attrs: ops.Upsample, x: Array) -> Array:
    return x.repeat(attrs.scale_h, 2).repeat(attrs.scale_w, 3)


def _interp(attrs: ops.Interp, x: Array) -> Array:
    for axis, size in enumerate(attrs.size, start=2):
        places = _coordinates(attrs.coord_mode, x.shape[axis], size)
        if attrs.mode == "nearest":
            places = _nearest(attrs.coord_mode, places)
        matrix = _weights(attrs.mode, places, x.shape[axis])
        x = np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T, -1, axis)
    return x


def _coordinates(mode: str, old: int, new: int) -> Array:
    """Where each new pixel lies among the old ones; the scale is that of the sizes."""
    pixels = np.arange(new, dtype=float)
    if mode == "align_corners":
        return pixels * ((old - 1) / (new - 1) if new > 1 else 0.0)
    if mode == "asymmetric":
        return pixels * (old / new)
    if mode == "pytorch_half_pixel" and new == 1:
        return pixels
    if mode == "tf_crop_and_resize":
        raise LgsimError(
            "the interpreter does not know 'tf_crop_and_resize'",
            limit="the catalogue does not hold its region",
        )
    return (pixels + 0.5) * (old / new) - 0.5


def _nearest(coord_mode: str, places: Array) -> Array:
    """Round to whole pixels.

    The catalogue does not hold ONNX's rounding; these are the pairs that exporters write: down
    for ``asymmetric``, else to the nearer pixel, and down from the middle.
    """
    return np.floor(places) if coord_mode == "asymmetric" else np.ceil(places - 0.5)


def _weights(mode: str, places: Array, size: int) -> Array:
    """(new, old) weights; what lies outside counts for the pixel at the border."""
    first = np.floor(places).astype(int)
    matrix = np.zeros((len(places), size))
    rows = np.arange(len(places))
    kernel = _cubic(places - first) if mode == "cubic" else _linear(places - first)
    for offset, weight in kernel.items():
        np.add.at(matrix, (rows, np.clip(first + offset, 0, size - 1)), weight)
    return matrix


def _linear(part: Array) -> dict[int, Array]:
    """Weights of the two nearest pixels, by their distance from the lower one."""
    return {0: 1 - part, 1: part}


def _cubic(part: Array) -> dict[int, Array]:
    """Weights of the four nearest pixels, likewise (Keys 1981)."""

    def near(t: Array) -> Array:
        return ((_CUBIC + 2) * t - (_CUBIC + 3)) * t * t + 1

    def far(t: Array) -> Array:
        return _CUBIC * (((t - 5) * t + 8) * t - 4)

    return {-1: far(part + 1), 0: near(part), 1: near(1 - part), 2: far(2 - part)}


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Interp: _interp,
    ops.Upsample: _upsample,
}
