"""What the interpreter's modules share: types, and the helpers of several op families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from lgsim.graph.dtypes import DType

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Evaluates one op: its attributes, then its operands; gives its result, or a tuple of results.
Function: TypeAlias = Callable[..., Array | tuple[Array, ...]]


def as_declared(value: Array, dtype: DType, floats: Any) -> Array:
    """An array in the type the interpreter computes in for a tensor of element type `dtype`.

    All floating-point types are one (`floats`), all integers are 64 bits wide.
    """
    if dtype.is_float:
        return value.astype(floats, copy=False)
    return value.astype(np.bool_ if dtype is DType.BOOL else np.int64, copy=False)


def relu_if(fused: bool, x: Array, limit: float = -1.0) -> Array:
    """The ReLU that an op may have at its end, with an upper limit if that is positive."""
    return np.clip(x, 0, limit if limit > 0 else None) if fused else x


def per_channel(values: Array, x: Array) -> Array:
    """Numbers per channel, in a shape that broadcasts to `x` (N, C, …)."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def softmax(x: Array, axis: int) -> Array:
    """Softmax along an axis; the largest element is taken off first, so that nothing overflows."""
    exponentials = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis, keepdims=True))


def sigmoid(x: Array) -> Array:
    """Logistic function, by the hyperbolic tangent, which does not overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
