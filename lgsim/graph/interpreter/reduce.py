"""Evaluation of reductions, positions of extremes, sorting and running sums."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function


def _log_sum_exp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    largest = x.max(axis, keepdims=True)
    total = np.log(np.exp(x - largest).sum(axis, keepdims=True)) + largest
    return np.asarray(total if keepdims else np.squeeze(total, axis))


_REDUCTIONS: dict[str, Callable[..., Array]] = {
    "mean": np.mean,
    "sum": np.sum,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "l1": lambda x, **over: np.abs(x).sum(**over),
    "l2": lambda x, **over: np.sqrt(np.square(x).sum(**over)),
    "sumsquare": lambda x, **over: np.square(x).sum(**over),
    "logsum": lambda x, **over: np.log(x.sum(**over)),
    "logsumexp": _log_sum_exp,
}


def _reduce(attrs: ops.Reduce, x: Array) -> Array:
    return np.asarray(_REDUCTIONS[attrs.mode](x, axis=attrs.axes, keepdims=attrs.keepdims))


def _arg(attrs: ops.Arg, x: Array) -> Array:
    find = np.argmax if attrs.mode == "max" else np.argmin
    return np.asarray(find(x, axis=attrs.axis, keepdims=attrs.keepdims))


def _topk(attrs: ops.TopK, x: Array) -> tuple[Array, Array]:
    """Values in order, and their positions; of equal ones the first in front, as in ONNX."""
    order = np.argsort(-x if attrs.largest else x, attrs.axis, kind="stable")
    first = order.take(range(attrs.k), attrs.axis)
    return np.take_along_axis(x, first, attrs.axis), first


def _cumsum(attrs: ops.CumSum, x: Array) -> Array:
    ordered = np.flip(x, attrs.axis) if attrs.reverse else x
    total = np.cumsum(ordered, attrs.axis)
    if attrs.exclusive:
        total = total - ordered
    return np.flip(total, attrs.axis) if attrs.reverse else total


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Arg: _arg,
    ops.CumSum: _cumsum,
    ops.Reduce: _reduce,
    ops.TopK: _topk,
}
