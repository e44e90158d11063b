"""Evaluation of functions of one element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from lgsim.errors import LgsimError
from lgsim.graph import ops
from lgsim.graph.dtypes import DType
from lgsim.graph.interpreter.arrays import Array, Function, as_declared, relu_if, sigmoid

_Elementary: TypeAlias = Callable[[Array], Array]

_ERF = np.vectorize(math.erf, otypes=[float])

# Constants of SELU (Klambauer et al. 2017), as ONNX has them.
_SELU_ALPHA = 1.67326319217681884765625
_SELU_GAMMA = 1.05070102214813232421875


def _erf(x: Array) -> Array:
    return np.asarray(_ERF(x))


def _softplus(x: Array) -> Array:
    return np.asarray(np.logaddexp(x, 0.0))


def _tanh_gelu(x: Array) -> Array:
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


_PLAIN: dict[str, _Elementary] = {
    "gelu": lambda x: 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0))),
    "tanh_gelu": _tanh_gelu,
    "quick_gelu": lambda x: x * sigmoid(1.702 * x),
    "silu": lambda x: x * sigmoid(x),
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: -_softplus(-x),
    "tanh": np.tanh,
    "softplus": _softplus,
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "hard_swish": lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "selu": lambda x: _SELU_GAMMA * _elu(x, _SELU_ALPHA),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "exp": np.exp,
    "log": np.log,
    "erf": _erf,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1.0 / np.sqrt(x),
    "square": np.square,
    "abs": np.abs,
    "neg": np.negative,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "not": np.logical_not,
    "is_nan": np.isnan,
    "is_inf": np.isinf,
}

_WITH_PARAMETERS: dict[str, Callable[[Array, float, float], Array]] = {
    "hard_sigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0.0, 1.0),
    "elu": lambda x, alpha, _: _elu(x, alpha),
    "celu": lambda x, alpha, _: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
    "thresholded_relu": lambda x, alpha, _: np.where(x > alpha, x, 0.0),
}


def _active(attrs: ops.Active, x: Array) -> Array:
    if attrs.mode in _WITH_PARAMETERS:
        return _WITH_PARAMETERS[attrs.mode](x, attrs.alpha, attrs.beta)
    if attrs.mode not in _PLAIN:
        raise LgsimError(f"the interpreter does not know the activation '{attrs.mode}'")
    return _PLAIN[attrs.mode](x)


def _cast(attrs: ops.Cast, x: Array) -> Array:
    """Between floating-point types, nothing; fractions are cut off on the way to integers."""
    if attrs.to.is_float:
        return x
    return as_declared(x, attrs.to if attrs.to is DType.BOOL else DType.I64, None)


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Active: _active,
    ops.Cast: _cast,
    ops.Clip: lambda attrs, x: np.clip(x, attrs.low, attrs.high),
    ops.LeakyRelu: lambda attrs, x: np.where(x > 0, x, attrs.alpha * x),
    ops.PRelu: lambda _, x, slope: np.where(x > 0, x, slope * x),
    ops.Relu: lambda attrs, x: relu_if(True, x, attrs.limit),
}
